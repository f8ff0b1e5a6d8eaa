import { randomBytes } from '#platform';
import { toHex } from '../../bundle/bytes.ts';
import { hasCode } from '../../protocol/errors.ts';
import { parseDigest } from '../../protocol/keys.ts';
import type { DigestHex } from '../../protocol/keys.ts';
import { digestIn, refusalOf, requestFor } from './propose.ts';
import type { Proposing } from './propose.ts';
import type { Decision } from './source.ts';

/** What became of the proposals that this machine sent before, as far as it matters to the next. */
export type SentBefore =
  | { readonly state: 'free' }
  | { readonly state: 'waiting'; readonly digest: DigestHex }
  | { readonly state: 'refused'; readonly digest: DigestHex; readonly refusal: Decision };

/**
 * Asks whether an earlier proposal waits, or was refused: a machine without a disk does not know, and
 * would ask somebody for what they answered before the power went. It asks for an upload that it
 * never makes, which leaves no trace (docs/adr/0121).
 * @throws what the server refuses for other reasons, or if none can be asked; the codes of a refusal
 *   that does not verify
 */
export async function sentBefore(context: Proposing): Promise<SentBefore> {
  const refused = await answerTo(context, undefined);
  if (refused.state !== 'refused') return refused;
  // Behind a refusal there may be a later proposal, which the server names only to who knows it.
  const later = await answerTo(context, refused.digest);
  if (later.state === 'waiting') return later;
  return { ...refused, refusal: await refusalOf(context, refused.digest) };
}

type Answer =
  | Exclude<SentBefore, { state: 'refused' }>
  | { readonly state: 'refused'; readonly digest: DigestHex };

async function answerTo(context: Proposing, after: DigestHex | undefined): Promise<Answer> {
  const nothing = { digest: parseDigest(toHex(randomBytes(32))), size: 1 };
  const { node, servers } = context;
  try {
    const request = requestFor(context, nothing, after);
    await servers.ask((client) => client.propose(node.identity.id, request));
  } catch (error) {
    const digest = digestIn(error);
    if (digest !== undefined && hasCode(error, 'waiting')) return { state: 'waiting', digest };
    if (digest !== undefined && hasCode(error, 'rejected')) return { state: 'refused', digest };
    throw error;
  }
  return { state: 'free' };
}
