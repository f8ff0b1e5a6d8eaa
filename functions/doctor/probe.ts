import type { NodeId } from '../../bundle/identity.ts';
import { approvedKey, cosignKey, historyKey, keysetKey } from '../../protocol/keys.ts';
import { parseDigest, pendingKey, rejectedKey, reportKey } from '../../protocol/keys.ts';
import type { DigestHex, ObjectKey, Prefix } from '../../protocol/keys.ts';
import type { Credential } from '../../protocol/permissions.ts';
import type { FetchInit } from '../../protocol/objects.ts';
import type { ObjectStore, UrlSigner } from '../../store/port.ts';
import { randomBytes } from 'node:crypto';

/** A store as the three credentials see it. */
export interface Lab {
  readonly stores: Readonly<Record<Credential, ObjectStore>>;
  readonly signers: Readonly<Record<Credential, UrlSigner>>;
  /** The same, with a clock that is an hour late: what they sign for less has expired. */
  readonly lateSigners: Readonly<Record<Credential, UrlSigner>>;
  /** The first part of an object's path, as a copy source names it. */
  readonly bucket: string;
  /** How a client reaches presigned URLs. */
  readonly fetch: (url: string, init?: FetchInit) => Promise<Response>;
  /** What this kind of store alone rests on. */
  readonly own?: () => Promise<Finding[]>;
}

/** What one probe found. */
export interface Finding {
  /** what is promised, in a few words */
  readonly probe: string;
  /** `warn`: nothing is broken, but somebody should know; `unknown`: nobody could say */
  readonly status: 'ok' | 'warn' | 'fail' | 'unknown';
  readonly found: string;
  /** what to do about it; for anything but `ok` */
  readonly advice?: string;
}

/**
 * The node that probes write for. It hashes from no key (its id says `doctor`), so nothing of a
 * real node is ever touched.
 */
export const DOCTOR = 'doctordoctordoctordoctordoctordo' as NodeId;

/** The one probe object that stays: no credential may delete it. A few bytes. */
export const LASTING: ObjectKey = rejectedKey(DOCTOR, parseDigest('d0c'.padEnd(64, '0')));

/** A new key that the upload credential may write and the admin credential may delete. */
export function freshKey(): ObjectKey {
  return pendingKey(DOCTOR, randomBytes(32).toString('hex') as DigestHex);
}

/** A key under each prefix where nothing is, unless a credential may do what it must not. */
export const EMPTY_KEYS: Readonly<Record<Prefix, ObjectKey>> = {
  pending: pendingKey(DOCTOR, parseDigest('e'.repeat(64))),
  history: historyKey(DOCTOR, 9_999_999_999),
  approved: approvedKey(DOCTOR),
  rejected: rejectedKey(DOCTOR, parseDigest('e'.repeat(64))),
  reports: reportKey(DOCTOR),
  keysets: keysetKey(9_999_999_999),
  cosign: cosignKey(DOCTOR, parseDigest('e'.repeat(64)), 14),
};

/** How long a probe waits for an answer. */
export const TIMEOUT_SECONDS = 30;

/** An hour ago, in Unix seconds: the clock of {@link Lab.lateSigners}. */
export const anHourAgo = (): number => Date.now() / 1000 - 3600;

/** How a store's refusal reads in a finding. */
export function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What a client without credentials sends, and the answer, whose body was read. */
export async function send(
  lab: Lab,
  method: string,
  url: URL,
  headers: Headers = new Headers(),
  body?: Uint8Array,
): Promise<{ ok: boolean; status: number }> {
  // fetch sends these two by itself
  headers.delete('host');
  headers.delete('content-length');
  const answer = await lab.fetch(url.href, {
    ...{ method, headers: Object.fromEntries(headers), redirect: 'manual' },
    ...(body === undefined ? {} : { body: Uint8Array.from(body) }),
    signal: AbortSignal.timeout(TIMEOUT_SECONDS * 1000),
  });
  await answer.arrayBuffer();
  return answer;
}

/** Takes back a proposal of a probe. */
export async function remove(lab: Lab, key: ObjectKey): Promise<void> {
  await lab.stores.admin.delete(key).catch(() => undefined);
}
