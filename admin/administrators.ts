import {
  CoatcheckError,
  encodeSignedKeyset,
  equalBytes,
  keysetDigest,
  MAX_KEYS,
  nodeIdOf,
  toHex,
  verifyLink,
} from '../bundle/index.ts';
import type { AdminKey, Keyset, PublicKeys, SignedKeyset } from '../bundle/index.ts';
import { sortSignatures } from '../bundle/signatures.ts';
import { digestWords, nodeWords } from '../bundle/words.ts';
import { fail, hasCode } from '../protocol/errors.ts';
import { NO_ANSWER } from './decide.ts';
import type { Session } from './session.ts';

/** Something about the administrators to be that whoever signs should know. */
export type KeysetWarning =
  /** Whoever signs goes, and cannot seal anything anew: another administrator has to. */
  | { readonly code: 'removes_self' }
  /** One is left who may decide about everything: once that key is lost nobody can. */
  | { readonly code: 'only_one'; readonly name: string }
  /** Every one who may sign has to: once one key is lost nothing can be decided. */
  | { readonly code: 'none_spare'; readonly threshold: number };

/**
 * The next administrators of a site. A plain value, as a plan of a decision is: nothing was signed for
 * it, and who makes another keyset in between makes it stale.
 */
export interface KeysetPlan {
  /** who comes */
  readonly added: readonly AdminKey[];
  /** who goes */
  readonly removed: readonly AdminKey[];
  readonly keyset: Keyset;
  /** of the keyset, 64 hex digits */
  readonly digest: string;
  /** what others have signed of it; absent where nobody has */
  readonly begun?: SignedKeyset;
  readonly warnings: readonly KeysetWarning[];
}

/** The eight words of a key, which its owner sees as well: a node's are made alike. */
export const keyWords = (keys: PublicKeys): string => nodeWords(nodeIdOf(keys));

/** The eight words of a keyset: whoever has the same ones has the same administrators. */
export const keysetWords = ({ digest }: Pick<SignedKeyset, 'digest'>): string =>
  digestWords(digest);

/** Exactly this key in the newest keyset; undefined if it is not there. */
export const administratorWith = (
  { keyset }: Pick<Session, 'keyset'>,
  { signKey, boxKey }: PublicKeys,
): AdminKey | undefined =>
  keyset.keys.find((key) => equalBytes(key.signKey, signKey) && equalBytes(key.boxKey, boxKey));

/**
 * One administrator more.
 * @throws usage for a name or half of a key that is there already, and where there are 15
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
  return planTo(session, { keys: [...keys, admin] });
}

/**
 * One administrator less.
 * @throws not_found for a name that none has; usage for the last one who may decide about everything, and
 *   where fewer are left than have to sign
 */
export function planRemove(session: Session, name: string): KeysetPlan {
  const { keys } = session.keyset;
  const admin = keys.find((key) => key.name === name);
  if (admin === undefined) {
    const names = keys.map((key) => key.name).join(', ');
    throw fail('not_found', `no administrator is named ${name}: there are ${names}`);
  }
  const left = keys.filter((key) => key !== admin);
  const may = left.filter((key) => key.may === 'all').length;
  if (may === 0) throw fail('usage', `${name} is the last administrator: add another one first`);
  const { threshold } = session.keyset;
  if (may < threshold) {
    throw fail(
      'usage',
      `${may} would be left, and ${threshold} have to sign: coatcheck keys threshold ${may} first, or add another administrator`,
    );
  }
  return planTo(session, { keys: left });
}

/**
 * Another number of administrators who have to sign.
 * @throws usage for the one that holds, none, and more than there are who may decide about everything
 */
export function planThreshold(session: Session, threshold: number): KeysetPlan {
  const { keys, threshold: now } = session.keyset;
  const may = keys.filter((key) => key.may === 'all').length;
  if (!Number.isSafeInteger(threshold) || threshold < 1 || threshold > may) {
    throw fail(
      'usage',
      `the threshold is a number from 1 to ${may}, how many administrators may sign`,
    );
  }
  if (threshold === now) {
    throw fail(
      'usage',
      `${threshold} of ${keys.length} have to sign already: nothing was changed; what is in force is signed again by coatcheck keys reseal, where it lacks that`,
    );
  }
  return planTo(session, { threshold });
}

/**
 * The plan of a keyset that others have signed, to be signed too.
 * @throws wrong_site; stale_keyset if it does not follow the newest; bad_signature, bad_key_index and
 *   key_not_allowed for what signed it
 */
export function planBegun(session: Session, begun: SignedKeyset): KeysetPlan {
  if (session.lost.length > 0) throw lostKeysets(session);
  const { keyset } = begun;
  if (!equalBytes(keyset.site, session.site.id)) {
    throw fail('wrong_site', 'this keyset is of another site');
  }
  const newest = session.chain.at(-1)!;
  const { version } = newest.keyset;
  if (keyset.version !== version + 1 || !equalBytes(keyset.previous, newest.digest)) {
    const isThere = session.chain.some(({ digest }) => equalBytes(digest, begun.digest));
    throw fail(
      'stale_keyset',
      isThere
        ? `this keyset is made already: coatcheck keys reseal does what is left`
        : `the newest keyset is ${version}, and this one does not follow it: begin anew`,
      { details: { version } },
    );
  }
  // As many as there are: whether they are enough is judged once this administrator has signed, too.
  const { threshold } = newest.keyset;
  const enough = {
    ...newest,
    keyset: { ...newest.keyset, threshold: Math.min(threshold, begun.signatures.length) },
  };
  if (begun.signatures.length > 0) verifyLink(enough, begun);
  return { ...planOf(session, keyset), begun };
}

function planTo(session: Session, change: Partial<Pick<Keyset, 'keys' | 'threshold'>>): KeysetPlan {
  if (session.lost.length > 0) throw lostKeysets(session);
  const { site, version, threshold, keys } = session.keyset;
  const previous = session.chain.at(-1)!.digest;
  return planOf(session, {
    ...{ site, threshold, previous, keys },
    version: version + 1,
    ...change,
  });
}

function planOf(session: Session, keyset: Keyset): KeysetPlan {
  const { keys: before } = session.keyset;
  const isIn = (keys: readonly AdminKey[], { name, may, ...key }: AdminKey): boolean =>
    keys.some(
      (other) =>
        other.name === name &&
        other.may === may &&
        equalBytes(other.signKey, key.signKey) &&
        equalBytes(other.boxKey, key.boxKey),
    );
  const removed = before.filter((key) => !isIn(keyset.keys, key));
  const may = keyset.keys.filter((key) => key.may === 'all');
  const warnings: KeysetWarning[] = [];
  if (removed.includes(before[session.keyIndex]!)) warnings.push({ code: 'removes_self' });
  if (removed.length > 0 && may.length === 1) {
    warnings.push({ code: 'only_one', name: may[0]!.name });
  }
  if (keyset.threshold > 1 && may.length === keyset.threshold) {
    warnings.push({ code: 'none_spare', threshold: keyset.threshold });
  }
  return {
    added: keyset.keys.filter((key) => !isIn(before, key)),
    ...{ removed, keyset, digest: toHex(keysetDigest(keyset)), warnings },
  };
}

function lostKeysets({ lost, keyset }: Session): Error {
  const { version } = lost.at(-1)!.keyset;
  return fail(
    'record_doubtful',
    `the store has keysets up to ${keyset.version}, and this tool has seen ${version}: coatcheck keys reseal puts them back`,
  );
}

/** How many signatures a keyset lacks that is to follow the newest. */
export const lackingOn = ({ keyset }: Pick<Session, 'keyset'>, signed: SignedKeyset): number =>
  Math.max(0, keyset.threshold - signed.signatures.length);

/**
 * Signs a planned keyset and, once it has as many signatures as the newest asks for, makes it the newest:
 * from then on it decides who may. Where no answer comes it is sent again, which is harmless.
 * @returns it, with this signature and those that were on it: others have to sign it too where
 *   {@link lackingOn} says so, and then nothing was sent
 * @throws stale_keyset if somebody else made another one meanwhile: nothing was changed; store_unknown
 *   where it is not known whether it stands: the same plan may be made and signed again. Every refusal
 *   of the server, and what the client and the ports throw
 */
export async function signKeysetPlan(session: Session, plan: KeysetPlan): Promise<SignedKeyset> {
  const own = await session.key.sign.keyset(plan.keyset, session.keyIndex);
  const others = (plan.begun?.signatures ?? []).filter(
    ({ keyIndex }) => keyIndex !== session.keyIndex,
  );
  const signed = { ...own, signatures: sortSignatures([...own.signatures, ...others]) };
  if (lackingOn(session, signed) > 0) return signed;
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
