import type { LeftToPerson } from '../admin/rules.ts';
import type { NodeId } from '../bundle/index.ts';
import { showSetting } from '../bundle/settings.ts';
import { leftOutText } from './left-out.ts';
import { when } from './time.ts';
import { warningText } from './warnings.ts';

/** Why no rule approves a proposal: a code, and a sentence that is not escaped. */
export function leftToPersonText(
  node: NodeId,
  why: LeftToPerson,
): { readonly code: string; readonly message: string } {
  const { code } = why;
  switch (why.code) {
    case 'outside': {
      const { from, until } = why.window;
      return {
        code,
        message: `rule ${why.rule} is for what is proposed from ${when(from)} until ${when(until)}`,
      };
    }
    case 'not_named': {
      const names = [
        ...why.paths,
        ...why.settings.map((name) => `setting ${showSetting(name)}`),
      ].join(', ');
      return { code, message: `rule ${why.rule} does not name what may run something: ${names}` };
    }
    case 'full':
      return {
        code,
        message: `rule ${why.rule} may approve ${why.left} more, and ${why.waiting} would be: which of them is a stranger's it cannot tell`,
      };
    case 'decided':
      return {
        code,
        message: 'something was decided about it before, and a rule decides what is first',
      };
    case 'several':
      return { code, message: `${why.proposals} proposals wait for it` };
    case 'not_the_nodes':
      return { code, message: 'the node did not make this proposal: an administrator did' };
    case 'cosigned':
      return {
        code,
        message: `${why.signedBy.join(', ')} signed, and others have to: coatcheck cosign ${node}`,
      };
    case 'warned':
      return { code, message: why.warnings.map((warning) => warningText(warning)).join('; ') };
    case 'no_rule':
      return { code, message: 'no rule is about it' };
    default:
      return leftOutText({ node, why });
  }
}
