import { toHex } from '../bundle/index.ts';
import type { VerifiedFrame } from '../bundle/index.ts';
import type { HistoryEntry } from '../protocol/history.ts';
import { escapeLine } from '../protocol/escape.ts';
import { when } from './time.ts';

/** Who decided, by the names of the keyset. */
export function decidedBy(frame: VerifiedFrame): string {
  if (frame.self) return 'the node itself';
  return frame.signers.map((index) => frame.keyset.keys[index]!.name).join(', ');
}

/** One decision in a line of text for the terminal. */
export function statementLine({ frame }: Pick<HistoryEntry, 'frame'>): string {
  const { type, seq, issued, reason, expires } = frame.statement;
  return [
    `${type} (seq ${seq}) by ${escapeLine(decidedBy(frame))}, ${when(issued)}`,
    ...(expires === undefined ? [] : [`expires ${when(expires)}`]),
    ...(reason === '' ? [] : [`"${escapeLine(reason)}"`]),
  ].join(', ');
}

/** One decision as `--json` prints it: digests in hex, times in unix seconds. */
export function statementDocument(frame: VerifiedFrame): Record<string, unknown> {
  const { type, node, digest, prev, seq, keysetVersion, issued, expires, reason } = frame.statement;
  return {
    ...{ type, node, seq, keysetVersion, issued, reason },
    ...(expires === undefined ? {} : { expires }),
    digest: toHex(digest),
    prev: toHex(prev),
    statementDigest: toHex(frame.statementDigest),
    decidedBy: frame.self ? ['node'] : frame.signers.map((i) => frame.keyset.keys[i]!.name),
    self: frame.self,
  };
}
