import type { NodeId } from '../bundle/index.ts';
import type { Seen } from './memory.ts';

/**
 * How the record of a node contradicts what was seen of it: `record_shorter`, it shows less than
 * before (a backup was restored, or the log was cut), `shown` being absent where it shows nothing;
 * `record_rewritten`, it shows another decision of the same number. Numbers are seqs.
 */
export type RecordDoubt =
  | { readonly code: 'record_shorter'; readonly shown?: number; readonly seen: number }
  | { readonly code: 'record_rewritten'; readonly seq: number };

/**
 * Where the store contradicts what this program remembers; nothing should be decided before somebody
 * knows why. `keyset_hidden`: the server shows an older keyset, by version, than was seen.
 */
export type Doubt =
  | { readonly code: 'keyset_hidden'; readonly shown: number; readonly seen: number }
  | (RecordDoubt & { readonly node: NodeId });

/** What is wrong with the head that the store shows; undefined if nothing is. */
export function doubt(
  seen: Seen | undefined,
  head: Pick<Seen, 'seq' | 'digest'> | undefined,
): RecordDoubt | undefined {
  if (seen === undefined) return undefined;
  if (head === undefined) return { code: 'record_shorter', seen: seen.seq };
  if (head.seq < seen.seq) return { code: 'record_shorter', shown: head.seq, seen: seen.seq };
  if (head.seq === seen.seq && head.digest !== seen.digest) {
    return { code: 'record_rewritten', seq: seen.seq };
  }
  return undefined;
}
