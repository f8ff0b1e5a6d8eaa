import type { NodeMemory } from '../../../protocol/verify.ts';
import type { MemoryKind } from './kind.ts';

/** What a node keeps of the newest decision that it verified, so that an older one is refused. */
export interface DecisionMemory extends NodeMemory {
  /** When the statement was issued, unix seconds: no clock can be before it. */
  readonly issued: number;
}

/** Where a node's memory is kept between boots. */
export interface MemoryStore {
  /** @throws file_malformed: a damaged memory is not a missing one */
  load(): DecisionMemory | undefined;
  /** Durable when it returns; keeps what is newer. Call it only with what was verified. */
  save(memory: DecisionMemory): void;
}

/** A node's memory, and how good it is. */
export interface OpenedMemory extends MemoryStore {
  readonly kind: MemoryKind;
  /**
   * What was remembered when it was opened. Undefined: an older decision would not have been
   * noticed, since this memory was never written, or was wiped.
   */
  readonly before: DecisionMemory | undefined;
  /**
   * The code that a decision has to name, 32 hex digits, where the memory was wiped and nothing was decided since: what is
   * older cannot be told from what is in force. Absent where not only signed images write the memory.
   */
  readonly wiped?: () => string | undefined;
}

/** What says which of two memories is the newer one. */
type Age = Pick<DecisionMemory, 'seq' | 'keysetVersion'>;

/**
 * Whether something newer than `memory` is known, which is kept then: a higher seq, or the same one
 * under a newer keyset.
 */
export function isOlder(memory: Age, known: Age | undefined): boolean {
  if (known === undefined) return false;
  if (memory.seq !== known.seq) return memory.seq < known.seq;
  return memory.keysetVersion < known.keysetVersion;
}
