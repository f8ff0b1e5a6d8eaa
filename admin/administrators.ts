import {
  CoatcheckError,
  encodeSignedKeyset,
  equalBytes,
  keysetDigest,
  MAX_KEYS,
  nodeIdOf,
  toHex,
} from '../bundle/index.ts';
import type { AdminKey, Keyset, PublicKeys, SignedKeyset } from '../bundle/index.ts';
import { digestWords, nodeWords } from '../bundle/words.ts';
import { fail, hasCode } from '../protocol/errors.ts';
import { NO_ANSWER } from './decide.ts';
import type { Session } from './session.ts';

/** Something about the administrators to be that whoever signs should know. */
export type KeysetWarning =
  /** Whoever signs goes, and cannot seal anything anew: another administrator has to. */
  | { readonly code: 'removes_self' }
  /** One is left who may decide about everything: once that key is lost nobody can. */
  | { readonly code: 'only_one'; readonly name: string };

/**
 * The next administrators of a site. A plain value, as a plan of a decision is: nothing was signed for
 * it, and who makes another keyset in between makes it stale.
 */
export interface KeysetPlan {
  readonly action: 'add' | 'remove';
  /** who comes or goes */
  readonly admin: AdminKey;
  readonly keyset: Keyset;
  /** of the keyset, 64 hex digits */
  readonly digest: string;
  readonly warnings: readonly KeysetWarning[];
}

/** The eight words of a key, which its owner sees as well: a node's are made alike. */
export const keyWords = (keys: PublicKeys): string => nodeWords(nodeIdOf(keys));

/** The eight words of a keyset: whoever has the same ones has the same administrators. */
export const keysetWords = ({ digest }: Pick<SignedKeyset, 'digest'>): string =>
  digestWords(digest);

/** Whether exactly this key is an administrator's of the newest keyset. */
export const isAdministrator = (
  { keyset }: Pick<Session, 'keyset'>,
  { signKey, boxKey }: PublicKeys,
): boolean =>
  keyset.keys.some((key) => equalBytes(key.signKey, signKey) && equalBytes(key.boxKey, boxKey));

/**
 * One administrator more.
 * @throws usage for a name or half of a key that is there already, and where there are 15;
 *   threshold_not_met where one signature is not enough
 */
export function planAdd(session: Session, admin: AdminKey): KeysetPlan {
  const { keys } = session.keyset;
  const same = keys.find((key) => key.name === admin.name);
  if (same !== undefined) {
    throw fail(
      'usage',
      `there is an administrator ${admin.name} already, with another key: a new name makes clear who is who (init --admin-name)`,
    );
  }
  if (
    keys.some(
      (key) => equalBytes(key.signKey, admin.signKey) || equalBytes(key.boxKey, admin.boxKey),
    )
  ) {
    throw fail(
      'usage',
      'half of this key is an administrator’s already: whoever made it did not make it anew',
    );
  }
  if (keys.length >= MAX_KEYS) throw fail('usage', `a site has at most ${MAX_KEYS} administrators`);
  return planTo(session, 'add', admin, [...keys, admin], []);
}

/**
 * One administrator less.
 * @throws not_found for a name that none has; usage for the last one who may decide about everything;
 *   threshold_not_met where one signature is not enough
 */
export function planRemove(session: Session, name: string): KeysetPlan {
  const { keys } = session.keyset;
  const admin = keys.find((key) => key.name === name);
  if (admin === undefined) {
    const names = keys.map((key) => key.name).join(', ');
    throw fail('not_found', `no administrator is named ${name}: there are ${names}`);
  }
  const left = keys.filter((key) => key !== admin);
  const [first, ...others] = left.filter(({ may }) => may === 'all');
  if (first === undefined) {
    throw fail('usage', `${name} is the last administrator: add another one first`);
  }
  const isSelf = keys[session.keyIndex] === admin;
  return planTo(session, 'remove', admin, left, [
    ...(isSelf ? [{ code: 'removes_self' } as const] : []),
    ...(others.length === 0 ? [{ code: 'only_one', name: first.name } as const] : []),
  ]);
}

function planTo(
  session: Session,
  action: KeysetPlan['action'],
  admin: AdminKey,
  keys: readonly AdminKey[],
  warnings: readonly KeysetWarning[],
): KeysetPlan {
  const { site, version, threshold } = session.keyset;
  if (threshold > 1) {
    throw fail(
      'threshold_not_met',
      `a keyset of this site wants the signatures of ${threshold} administrators, and here is one`,
    );
  }
  if (session.lost.length > 0) throw lostKeysets(session);
  const previous = session.chain.at(-1)!.digest;
  const keyset = { ...{ site, threshold, previous, keys }, version: version + 1 };
  return { action, admin, keyset, digest: toHex(keysetDigest(keyset)), warnings };
}

function lostKeysets({ lost, keyset }: Session): Error {
  const { version } = lost.at(-1)!.keyset;
  return fail(
    'record_doubtful',
    `the store has keysets up to ${keyset.version}, and this tool has seen ${version}: coatcheck keys reseal puts them back`,
  );
}

/**
 * Signs a planned keyset and makes it the newest: from then on it decides who may. Where no answer
 * comes it is sent again, which is harmless.
 * @throws stale_keyset if somebody else made another one meanwhile: nothing was changed; store_unknown
 *   where it is not known whether it stands: the same plan may be made and signed again. Every refusal
 *   of the server, and what the client and the ports throw
 */
export async function signKeysetPlan(session: Session, plan: KeysetPlan): Promise<SignedKeyset> {
  const signed = await session.key.sign.keyset(plan.keyset, session.keyIndex);
  await makeNewest(session, signed);
  await session.rememberKeyset(signed);
  return signed;
}

/**
 * Puts back the keysets that a restore of the store lost and that this program has seen.
 * @returns them; a session that is made then has them
 * @throws as {@link signKeysetPlan}
 */
export async function putBackKeysets(session: Session): Promise<readonly SignedKeyset[]> {
  for (const signed of session.lost) await makeNewest(session, signed);
  return session.lost;
}

const ATTEMPTS = 3;

async function makeNewest({ client }: Session, signed: SignedKeyset): Promise<void> {
  const bytes = encodeSignedKeyset(signed);
  for (let attempt = 1; ; attempt++) {
    try {
      await client.keyset(bytes);
      return;
    } catch (error) {
      if (!hasCode(error, ...NO_ANSWER)) throw error;
      if (attempt === ATTEMPTS) throw isUnknown(signed, error);
      await new Promise((resolve) => setTimeout(resolve, 500 * attempt));
    }
  }
}

function isUnknown({ keyset }: SignedKeyset, cause: unknown): Error {
  const why = cause instanceof CoatcheckError ? cause.message : String(cause);
  return fail(
    'store_unknown',
    `whether keyset ${keyset.version} stands is not known (${why}): run the same again, which finds out`,
    { cause },
  );
}
