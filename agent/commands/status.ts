import { toHex } from '../../bundle/bytes.ts';
import { showPath } from '../../bundle/errors.ts';
import { nodeWords } from '../../bundle/words.ts';
import { readApplied } from '../apply/drift.ts';
import type { Marker } from '../apply/marker.ts';
import { compareWithImage } from '../apply/of-image.ts';
import { openNode } from '../boot/node.ts';
import { formatTime } from '../console/console.ts';
import type { DecisionMemory, OpenedMemory } from '../identity/memory/memory.ts';
import { imageFacts } from '../stages/effect.ts';
import { agentCommand } from './options.ts';

/** Who this machine is, what it runs and what it remembers. Throws as `openNode` and `readApplied`. */
export const statusCommand = agentCommand({
  usage: 'status',
  about: 'what is applied, what changed since, what is remembered',
  run({ places, console, now }) {
    const { identity, keySource, memory, site, paths } = openNode(places, console, now);
    const applied = readApplied(places.root);
    const ofImage = compareWithImage(places.root, paths, applied?.marker ?? {});
    const remembered = memory.load();
    const words = nodeWords(identity.id);
    const lines = [
      `machine  ${identity.id}`,
      `words    ${words}`,
      `key      ${keySource}`,
      `site     ${site.name} ${toHex(site.id)}`,
    ];
    if (applied === undefined) lines.push('applied  nothing');
    else {
      const { seq, statement, appliedAt, left } = applied.marker;
      const what = seq === 0 ? 'UNAPPROVED' : `decision ${seq}`;
      const partly = left.length > 0 ? ', PARTIAL' : '';
      lines.push(`applied  ${what} ${statement}, ${formatTime(appliedAt)}${partly}`);
      lines.push(...left.map(({ path, why }) => `left     ${showPath(path)}: ${why}`));
      lines.push(...imageFacts(ofImage).map(([what, of]) => `${what.padEnd(8)} ${of}`));
      lines.push(...applied.drift.map(({ path, drift }) => `${drift.padEnd(8)} ${showPath(path)}`));
    }
    const wiped = memory.wiped?.();
    lines.push(`memory   ${memory.kind}: ${memoryText(memory, remembered, wiped)}`);
    console.result(lines.join('\n'), {
      node: identity.id,
      words,
      keySource,
      site: toHex(site.id),
      applied: applied && marked(applied.marker),
      drift: applied?.drift ?? [],
      ofImage,
      memoryKind: memory.kind,
      ...(wiped !== undefined && { wiped }),
      memory: remembered && {
        keysetVersion: remembered.keysetVersion,
        seq: remembered.seq,
        statement: toHex(remembered.digest),
      },
    });
  },
});

function memoryText(
  memory: OpenedMemory,
  known: DecisionMemory | undefined,
  wiped: string | undefined,
): string {
  if (known !== undefined)
    return `decision ${known.seq} ${toHex(known.digest)}, keyset ${known.keysetVersion}`;
  if (wiped !== undefined) return `wiped, waits for a decision with the code ${wiped}`;
  return memory.wiped !== undefined
    ? 'nothing yet'
    : 'nothing, an older decision would not be noticed';
}

const marked = ({ files, ofImage: _, image: __, ...rest }: Marker): object => ({
  ...rest,
  files: Object.keys(files).length,
});
