import { equalBytes, utf8 } from '../bundle/bytes.ts';
import { sha256 } from '#platform';
import { fail } from '../protocol/errors.ts';
import { parseKey } from '../protocol/keys.ts';
import type { DigestHex } from '../protocol/keys.ts';
import type { Site } from '../protocol/site.ts';
import type { ObjectInfo } from '../store/port.ts';

/** What the store showed, and what a proposal says of itself. */
export interface ProposalCase {
  readonly by: 'node' | 'admin';
  readonly approval: Site['approval'];
  readonly digest: DigestHex;
  /** The newest refusal that whoever asks knows of. */
  readonly after: DigestHex | undefined;
  /** The digest that a verified decision names, where the request shows one. */
  readonly decided: DigestHex | undefined;
  /** The request shows a verified decision, other than a rejection: the node is no stranger. */
  readonly isKnown: boolean;
  /** Every refusal of this node. */
  readonly rejected: readonly ObjectInfo[];
  /** What of this node is in `pending/`; a thousand of it, where the cap is reached. */
  readonly pending: readonly ObjectInfo[];
  /** Of all nodes, counted up to the cap. */
  readonly pendingOfAll: number;
  readonly maxPending: number;
}

/** The part of the cap that strangers cannot take. */
const RESERVED_SHARE = 0.1;

/**
 * Whether a proposal may be uploaded. One at a time waits per node (under the policy `approval: none`
 * nothing waits for anybody), and a refusal is heard before there is a next one; an administrator is
 * bound by neither.
 *
 * @throws already_decided, rejected (with the newest refused `digest`), waiting (with the `digest`
 *   that waits: its own, if that is there already), too_many_pending
 */
export function judgeProposal(proposal: ProposalCase): void {
  const { by, digest, after, decided, rejected, pending } = proposal;
  const refused = new Set(rejected.map(digestOf));
  if (refused.has(digest)) {
    throw fail('already_decided', `proposal ${digest} was rejected: seal a new one`);
  }
  const waiting = pending.filter((object) => {
    const found = digestOf(object);
    return found !== undefined && found !== decided && !refused.has(found);
  });
  if (by === 'node') {
    const newest = newestDigest(rejected);
    if (newest !== undefined && newest !== after) {
      throw fail('rejected', `proposal ${newest} was rejected: fetch the reason first`, {
        details: { digest: newest },
      });
    }
    const own = waiting.some((object) => digestOf(object) === digest);
    // Where nodes decide, nobody would: a node that lost power before its own approval goes on.
    const other = proposal.approval === 'none' ? undefined : newestDigest(waiting);
    const waits = own ? digest : other;
    if (waits !== undefined) {
      throw fail('waiting', `proposal ${waits} waits for a decision; nothing was changed`, {
        details: { digest: waits },
      });
    }
  }
  const isStranger = by === 'node' && !proposal.isKnown;
  const room = Math.ceil(proposal.maxPending * (isStranger ? 1 - RESERVED_SHARE : 1));
  if (proposal.pendingOfAll >= room) {
    throw fail('too_many_pending', 'too many proposals wait for a decision: ask again later');
  }
}

function digestOf({ key }: ObjectInfo): DigestHex | undefined {
  const parsed = parseKey(key);
  return parsed !== undefined && 'digest' in parsed ? parsed.digest : undefined;
}

/** By time, and where a store's clock ticks too slowly by key: everybody must name the same one. */
function newestDigest(objects: readonly ObjectInfo[]): DigestHex | undefined {
  let newest: ObjectInfo | undefined;
  for (const object of objects) {
    if (digestOf(object) === undefined) continue;
    if (newest === undefined || object.modified >= newest.modified) newest = object;
  }
  return newest && digestOf(newest);
}

/** Compares in a time that says nothing about the token. */
export function tokenMatches(token: string, given: string): boolean {
  return equalBytes(sha256(utf8(token)), sha256(utf8(given)));
}

const MIN_TOKEN_CHARACTERS = 16;

/**
 * Refuses a secret that is empty, short, of few characters, or one word again and again: whoever
 * forgot to set one must not run with the one of an example.
 *
 * @throws weak_secret
 */
export function assertToken(token: string): void {
  const text = token.trim();
  const repeats = /^(.+?)\1+$/s.test(text);
  if (text.length < MIN_TOKEN_CHARACTERS || new Set(text).size < 6 || repeats) {
    throw fail(
      'weak_secret',
      `the enrolment token is weak: make one of at least ${MIN_TOKEN_CHARACTERS} random characters, or leave it out`,
    );
  }
}
