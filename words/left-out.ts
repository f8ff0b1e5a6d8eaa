import type { LeftOut } from '../admin/many.ts';
import type { Objection } from '../admin/warning.ts';
import type { NodeId } from '../bundle/index.ts';
import type { Voice } from './voice.ts';
import { objectionText, unseenText } from './warnings.ts';

/** Why a node is left out: a code, and a sentence that is not escaped. */
export function leftOutText(
  { node, why }: LeftOut,
  voice: Voice = 'terminal',
): { code: string; message: string } {
  switch (why.code) {
    case 'first':
      return {
        code: 'first',
        message:
          voice === 'page'
            ? 'nothing is in force for it yet, and it is approved by itself, by its words'
            : 'nothing is in force for it yet: compare its words, and name it by them, by its id, or in --expect FILE',
      };
    case 'done':
      return {
        code: 'done',
        message: `nothing waits; decision ${why.seq} (${why.type}) is in force`,
      };
    case 'same':
      return { code: 'same', message: 'it is so already' };
    case 'unproven':
      return {
        code: 'unproven',
        message: `it says that it was ${why.old}, whose key did not sign that: transfer by its words, if that is so`,
      };
    case 'rivals':
      return {
        code: 'rivals',
        message:
          why.nodes.length === 0
            ? `it says that it was ${why.old}, and another machine as well`
            : `${why.nodes.join(', ')} was ${why.old} as well, by its key's signature: somebody has that key who should not, and whoever knows the machine has to find out which it is`,
      };
    case 'moved':
      return { code: 'moved', message: `what ${why.old} had went to ${why.to} already` };
    case 'no_old':
      return {
        code: 'no_old',
        message: `it was ${why.old}, for which no configuration is in force`,
      };
    case 'own':
      return {
        code: 'own',
        message: `it was ${why.old}, and has decision ${why.seq} (${why.type}) of its own in force`,
      };
    case 'error':
      return { code: why.error.code, message: why.error.message };
    case 'objections': {
      const [objection] = why.objections as [Objection];
      return { code: objection.code, message: objectedText(node, objection, voice) };
    }
  }
}

function objectedText(node: NodeId, objection: Objection, voice: Voice): string {
  switch (objection.code) {
    case 'stale_base':
    case 'older_bundle':
      return `${objectionText(objection)}: decide about it alone${voice === 'page' ? '' : `, with coatcheck approve ${node}`}`;
    case 'withheld':
    case 'cut':
      return unseenText(objection, voice);
    case 'refused_paths':
      return `it would refuse ${objection.paths.join(', ')}: no list of paths has that`;
    case 'record_doubtful':
      return 'the store contradicts what was seen before';
  }
}
