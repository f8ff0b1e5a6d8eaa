import {
  CoatcheckError,
  equalBytes,
  fromHex,
  MAX_SEALED_BYTES,
  readBundle,
} from '../bundle/index.ts';
import { decidedDigests } from '../protocol/history.ts';
import type { Standing, Waiting } from './find.ts';
import { withdraw } from './propose.ts';
import type { Session } from './session.ts';

/**
 * Takes back what this administrator uploaded for a decision that no entry of the record names: nobody
 * learned what became of it, or the program died, and it would keep the node from proposing. Where that
 * decision is under way still, it has read the bundle, or is refused (docs/approval.md).
 * @param wanted the digest, or its beginning, of what is to be decided now: that one stays
 * @returns how the node stands then, and what is gone
 * @throws what the client throws
 */
export async function takeBackOwn(
  session: Session,
  standing: Standing,
  wanted?: string,
): Promise<{ readonly standing: Standing; readonly takenBack: readonly Waiting[] }> {
  const { node, pending, history } = standing;
  const decided = decidedDigests(history);
  const left = pending.filter(
    ({ digest }) => !decided.has(digest) && (wanted === undefined || !digest.startsWith(wanted)),
  );
  const takenBack: Waiting[] = [];
  const unread = left.filter(({ object }) => object === undefined);
  const keys = unread.map(({ key }) => key);
  const read = session.readEach(keys, MAX_SEALED_BYTES, ({ bytes }) => isOwn(session, bytes));
  const own = left.filter(({ object }) => isOwn(session, object?.bytes));
  let index = 0;
  for await (const isMine of read) {
    const one = unread[index++]!;
    if (isMine) own.push(one);
  }
  for (const one of own) {
    if (await withdraw(session, { node, digest: fromHex(one.digest) })) takenBack.push(one);
  }
  return {
    standing: { ...standing, pending: pending.filter((one) => !takenBack.includes(one)) },
    takenBack,
  };
}

function isOwn({ keyset, keyIndex }: Session, bytes: Uint8Array | undefined): boolean {
  if (bytes === undefined) return false;
  try {
    const { kind, signer } = readBundle(bytes, { maxBytes: bytes.length, expect: 'proposal' });
    return kind === 'admin' && equalBytes(signer, keyset.keys[keyIndex]!.signKey);
  } catch (error) {
    if (error instanceof CoatcheckError) return false;
    throw error;
  }
}
