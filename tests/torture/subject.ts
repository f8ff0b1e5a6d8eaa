import type { NodeMemory } from '../../protocol/verify.ts';
import type { DecisionRequest } from '../../functions/approval/demands.ts';
import { toHex } from '../../bundle/bytes.ts';
import type { Identity } from '../../bundle/identity.ts';
import type { Draft } from './cast.ts';
import { Ledger, nameOf } from './ledger.ts';
import type { Signed } from './ledger.ts';

/** One node of a generation: its bundles, its memory, and what is known of it. */
export class Subject {
  readonly identity: Identity;
  readonly ledger: Ledger;
  readonly requests: DecisionRequest[] = [];
  memory: NodeMemory | undefined;
  /** Ends when the boots do that were begun. */
  boots: Promise<unknown> = Promise.resolve();
  readonly #drafts: Draft[];
  readonly #proposed = new Map<string, Draft>();

  constructor(identity: Identity, drafts: readonly Draft[], copiesAttacked: boolean) {
    this.identity = identity;
    this.#drafts = [...drafts];
    this.ledger = new Ledger(identity.id, copiesAttacked);
  }

  /** A bundle that was not proposed yet. */
  nextDraft(): Draft | undefined {
    return this.#drafts.shift();
  }

  /** Its upload was acknowledged. */
  proposes(draft: Draft): void {
    this.#proposed.set(draft.hex, draft);
    this.ledger.uploaded.set(draft.hex, draft.bytes);
  }

  /** In the order in which they were proposed. */
  get proposed(): readonly Draft[] {
    return [...this.#proposed.values()];
  }

  bundleOf(digest: Uint8Array): Uint8Array | undefined {
    return this.#proposed.get(toHex(digest))?.bytes;
  }

  /** Notes a statement that somebody signed who may. */
  note({ statement, by, from }: DecisionRequest, now: number): Signed {
    const name = nameOf(statement);
    const known = this.ledger.signed.get(name);
    const isOfProposal =
      statement.statement.type === 'reject' || (from !== undefined && 'pending' in from);
    if (known !== undefined) {
      // The same words can approve what waits, and renew what is in a slot.
      if (!isOfProposal) known.decides = undefined;
      return known;
    }
    const signed: Signed = {
      ...{ statement, self: by === 'node', sentAt: now, acknowledged: [] },
      ...{ maybe: false, planted: false },
      decides: isOfProposal ? toHex(statement.statement.digest) : undefined,
    };
    this.ledger.signed.set(name, signed);
    return signed;
  }
}
