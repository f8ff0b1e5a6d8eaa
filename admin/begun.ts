import { equalBytes, MAX_SEALED_BYTES, toHex } from '../bundle/index.ts';
import type { Manifest, NodeId, SignedStatement, Statement } from '../bundle/index.ts';
import { fail } from '../protocol/errors.ts';
import { parseDigest, pendingKey } from '../protocol/keys.ts';
import { sameBundles } from './changes.ts';
import { cosignedView, isSignedBy, readCosigned } from './cosigned.ts';
import { sameKnowing, withoutActivation } from './endorsed.ts';
import { isUnreadable, openProposal } from './open.ts';
import type { PlannedStatement, Predecessor } from './plan.ts';
import type { Session } from './session.ts';

/** Two ends that are this near are one: `30d` of a command that is given again is some seconds later. */
const SAME_END_SECONDS = 3600;

/**
 * Where one signature is not enough: what this administrator has signed already that says the same, which
 * is then gone on with. A bundle that is made anew is the same if it says the same; by which secret a TPM is known is another each
 * time.
 * @throws cosigned where another has: a second statement would lack signatures as well. What the client and
 *   the ports throw
 */
export async function begunBy(
  session: Session,
  node: NodeId,
  after: Predecessor,
  planned: PlannedStatement,
): Promise<SignedStatement | undefined> {
  if (session.keyset.threshold === 1) return undefined;
  const follows = { head: after.digest, end: planned.expires };
  for (const begun of await readCosigned(session, node, follows)) {
    const { isVoid, signed } = begun;
    if (isVoid || !(await saysTheSame(session, signed.statement, planned))) continue;
    if (isSignedBy(signed, session.keyIndex)) return signed;
    const view = cosignedView(session, begun);
    throw fail(
      'cosigned',
      `${view.signedBy.join(', ')} signed this ${view.type} already, with the reason "${view.reason}": your signature is added by coatcheck cosign ${node}, or by "sign as well" on its page. Nothing was signed`,
      { details: { statement: view.statementDigest } },
    );
  }
  return undefined;
}

async function saysTheSame(
  session: Session,
  { type, node, digest, expires }: Statement,
  planned: PlannedStatement,
): Promise<boolean> {
  if (type !== planned.type || !isSameEnd(expires, planned.expires)) return false;
  if (planned.upload === undefined) return equalBytes(digest, planned.digest!);
  return isSameBundle(session, node, digest, planned.upload);
}

const isSameEnd = (a: number | undefined, b: number | undefined): boolean =>
  a === b || (a !== undefined && b !== undefined && Math.abs(a - b) <= SAME_END_SECONDS);

async function isSameBundle(
  session: Session,
  node: NodeId,
  digest: Uint8Array,
  upload: Manifest,
): Promise<boolean> {
  const name = parseDigest(toHex(digest));
  const bytes = await session.read(pendingKey(node, name), MAX_SEALED_BYTES);
  if (bytes === undefined) return false;
  try {
    const { sealed, manifest } = await openProposal(session, node, name, bytes);
    return (
      sealed.recipientCount === 1 + session.keyset.keys.length &&
      sameKnowing(manifest.metadata, upload.metadata) &&
      sameBundles(withoutActivation(manifest), withoutActivation(upload))
    );
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    return false;
  }
}
