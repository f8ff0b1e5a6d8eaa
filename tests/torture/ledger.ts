import { createHash } from 'node:crypto';
import type { NodeId } from '../../bundle/identity.ts';
import { encodeSignedStatement } from '../../bundle/statement.ts';
import type { SignedStatement } from '../../bundle/statement.ts';

/** SHA-256, lower-case hex. */
export const sha256Hex = (bytes: Uint8Array): string =>
  createHash('sha256').update(bytes).digest('hex');

/**
 * Names a statement together with its signatures: a forger, or a node under the policy `none`, can
 * sign the very statement that an administrator signs, and its digest is then the same.
 */
export const nameOf = (signed: SignedStatement): string => sha256Hex(encodeSignedStatement(signed));

/** A statement that somebody signed who may, and what became of every request that brought it. */
export interface Signed {
  readonly statement: SignedStatement;
  readonly self: boolean;
  /** The proposal that it decides, hex: undefined where it renews, rolls back, or names none. */
  decides: string | undefined;
  /** When it was first sent. */
  sentAt: number;
  /** The slots that answers named. */
  readonly acknowledged: Acknowledged[];
  /** An answer was lost, or the store did not know. */
  maybe: boolean;
  /** Somebody who writes the bucket put it there. */
  planted: boolean;
}

export interface Acknowledged extends Span {
  readonly slot: number;
  readonly published: boolean;
}

/** When something began and ended, by the ledger's own clock: what ended first came first. */
export interface Span {
  readonly began: number;
  readonly ended: number;
}

/** `approved/`, read by somebody who asks nobody's leave. */
export interface Sight extends Span {
  readonly bytes: Uint8Array | undefined;
}

/** What a node that remembers made of it: the statement that it obeys, by {@link nameOf}, or the code of its refusal. */
export type Boot = Span & ({ readonly applied: string } | { readonly refused: string });

/**
 * All that was signed, sent, answered and seen about one node. It holds no opinion: the judge
 * (judge.ts) does.
 */
export class Ledger {
  readonly node: NodeId;
  /** Somebody overwrites this node's copies: what they show proves nothing about the engine. */
  readonly copiesAttacked: boolean;
  /** By {@link nameOf}. */
  readonly signed = new Map<string, Signed>();
  /** Statements that nobody signed who may, and that were acknowledged: their digests, hex. */
  readonly forgeries: string[] = [];
  /** Uploads that were acknowledged, by digest, hex. */
  readonly uploaded = new Map<string, Uint8Array>();
  readonly sights: Sight[] = [];
  readonly boots: Boot[] = [];
  readonly repairs: (Span & { readonly published: boolean })[] = [];
  /** Digests, hex: which proposals a listing was about, and which of them it left out as decided. */
  readonly listings: (Span & {
    readonly asked: ReadonlySet<string>;
    readonly hidden: ReadonlySet<string>;
  })[] = [];
  /** Each slot that was seen in `history/`, with the SHA-256 of what it held. */
  readonly slots: (Span & { readonly held: ReadonlyMap<number, string> })[] = [];

  constructor(node: NodeId, copiesAttacked: boolean) {
    this.node = node;
    this.copiesAttacked = copiesAttacked;
  }
}
