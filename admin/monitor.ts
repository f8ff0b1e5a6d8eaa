import * as v from 'valibot';
import {
  capabilityMessage,
  decodeSignedCapability,
  encodeSignedCapability,
  verifyCapability,
} from '../bundle/capability.ts';
import type { Capability, SignedCapability } from '../bundle/capability.ts';
import { equalBytes, fromBase64Url, toBase64Url } from '../bundle/index.ts';
import type { NodeId, StatementType } from '../bundle/index.ts';
import { sortSignatures } from '../bundle/signatures.ts';
import type { KeySignature } from '../bundle/signatures.ts';
import type { Client } from '../protocol/client.ts';
import { fail } from '../protocol/errors.ts';
import type { Answer } from '../protocol/http.ts';
import { formatSite, parseSite } from '../protocol/site.ts';
import type { Site } from '../protocol/site.ts';
import { isExpired, isExpiring } from '../protocol/verify.ts';
import { siteNow } from './key-request.ts';
import type { Session } from './session.ts';
import { STATES } from './views/states.ts';
import type { State } from './views/states.ts';

/** What somebody needs who only watches: a key that may read states, until an end, and where. */
export interface Monitor {
  readonly site: Site;
  /** Of the key, 32 bytes: secret */
  readonly seed: Uint8Array;
  /** Encoded */
  readonly capability: Uint8Array;
}

const MonitorFile = v.strictObject({
  coatcheck: v.literal('monitor/1'),
  seed: v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{43}$/, 'is 32 bytes in base64url')),
  capability: v.string(),
  site: v.record(v.string(), v.unknown()),
});

/** Limit on such a file, bytes. */
export const MAX_MONITOR_BYTES = 64 * 1024;

/** The text of a monitor's file, ending in a line feed: secret. */
export function formatMonitor({ site, seed, capability }: Monitor): string {
  const file: v.InferInput<typeof MonitorFile> = {
    ...{ coatcheck: 'monitor/1', seed: toBase64Url(seed), capability: toBase64Url(capability) },
    site: JSON.parse(formatSite(site)) as Record<string, unknown>,
  };
  return `${JSON.stringify(file, undefined, 2)}\n`;
}

/** The inverse of {@link formatMonitor}. @param checkCa as of `parseSite`. @throws file_malformed */
export function parseMonitor(text: string, checkCa: (pem: string) => unknown): Monitor {
  try {
    const { seed, capability, site } = v.parse(MonitorFile, JSON.parse(text));
    return {
      ...{ seed: fromBase64Url(seed), capability: fromBase64Url(capability) },
      site: parseSite(JSON.stringify(site), checkCa),
    };
  } catch {
    // Without a cause: it would quote the file.
    throw fail('file_malformed', 'this is no file of coatcheck keys monitor: make it anew');
  }
}

/** A right to read states that lacks signatures, on its way from one administrator to another. Nothing of it is secret. */
const BegunFile = v.strictObject({ coatcheck: v.literal('capability/1'), capability: v.string() });

/** The text of a file with a capability that lacks signatures, ending in a line feed. @param capability encoded */
export const formatBegunCapability = (capability: Uint8Array): string =>
  `${JSON.stringify({ coatcheck: 'capability/1', capability: toBase64Url(capability) }, undefined, 2)}\n`;

/** Whether a text begins to be such a file: a keyset goes round as a file too. */
export const isBegunCapability = (text: string): boolean => /"capability\/1"/.test(text);

/** The inverse of {@link formatBegunCapability}; its signatures are not verified. @throws file_malformed */
export function parseBegunCapability(text: string): Uint8Array {
  try {
    const capability = fromBase64Url(v.parse(BegunFile, JSON.parse(text)).capability);
    decodeSignedCapability(capability);
    return capability;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : 'unknown reason';
    throw fail('file_malformed', `this is no right to read states: ${reason}`, { cause });
  }
}

/** A right to read states as far as it is signed. */
export interface BegunCapability {
  readonly signed: SignedCapability;
  /** names of the administrators who signed it */
  readonly signedBy: readonly string[];
  /** who may sign it yet */
  readonly open: readonly string[];
  /** how many of them have to */
  readonly lacking: number;
}

/**
 * What a capability is, and lacks.
 * @param bytes encoded
 * @throws stale_keyset where it was begun under another keyset; wrong_site, expired; as
 *   `verifyCapability` for what signed it
 */
export function beginningOf(session: Session, bytes: Uint8Array): BegunCapability {
  const signed = decodeSignedCapability(bytes);
  const { capability, signatures } = signed;
  const newest = session.chain.at(-1)!;
  const { keyset } = newest;
  if (!equalBytes(capability.site, keyset.site)) {
    throw fail('wrong_site', 'this right to read states is of another site');
  }
  if (!equalBytes(capability.keyset, newest.digest)) {
    throw fail(
      'stale_keyset',
      `this was begun under another keyset than ${keyset.version}, the newest: begin anew (coatcheck keys monitor)`,
    );
  }
  if (session.client.now() >= capability.expires) {
    throw fail(
      'expired',
      'this right to read states has ended: begin anew (coatcheck keys monitor)',
    );
  }
  // As many as there are: whether they are enough is what is asked here.
  const threshold = Math.min(keyset.threshold, signatures.length);
  verifyCapability(signed, { ...newest, keyset: { ...keyset, threshold } });
  const has = (index: number): boolean => signatures.some(({ keyIndex }) => keyIndex === index);
  return {
    signed,
    signedBy: keyset.keys.filter((_, i) => has(i)).map(({ name }) => name),
    open: keyset.keys.filter(({ may }, i) => may === 'all' && !has(i)).map(({ name }) => name),
    lacking: Math.max(0, keyset.threshold - signatures.length),
  };
}

/**
 * Gives a key the right to read states, and nothing else; where several have to sign, begins to.
 * @param wish.signKey Ed25519, 32 bytes: made for this
 * @param wish.expires unix seconds
 * @returns the capability, encoded, which {@link beginningOf} tells of, and the site as the file of the
 *   monitor has it
 * @throws key_not_allowed where this key may only `first`; bad_time, bad_name; what the port throws
 */
export async function giveCapability(
  session: Session,
  wish: { readonly signKey: Uint8Array; readonly expires: number; readonly name: string },
): Promise<Omit<Monitor, 'seed'>> {
  const { keyset, chain, client } = session;
  const capability = {
    ...{ site: keyset.site, keyset: chain.at(-1)!.digest, issued: client.now(), ...wish },
  };
  return { site: siteNow(session), capability: await addSignature(session, capability, []) };
}

/**
 * Adds this administrator's signature to what another began.
 * @returns the capability, encoded
 * @throws key_not_allowed, and what the port throws
 */
export function signCapabilityToo(
  session: Session,
  { signed: { capability, signatures } }: BegunCapability,
): Promise<Uint8Array> {
  return addSignature(session, capability, signatures);
}

async function addSignature(
  { keyset, keyIndex, key }: Session,
  capability: Capability,
  others: readonly KeySignature[],
): Promise<Uint8Array> {
  if (keyset.keys[keyIndex]!.may !== 'all') {
    throw fail('key_not_allowed', 'a key that may only "first" gives no right to read states');
  }
  const own = await key.sign.capability(capability, keyIndex);
  return encodeSignedCapability({ ...own, signatures: eachOnce([...own.signatures, ...others]) });
}

/**
 * A monitor's capability with the signatures of a copy of it that went round.
 * @throws usage for a copy of another one
 */
export function withSignatures(own: Uint8Array, other: Uint8Array): Uint8Array {
  const [mine, theirs] = [decodeSignedCapability(own), decodeSignedCapability(other)];
  if (!equalBytes(capabilityMessage(mine.capability), capabilityMessage(theirs.capability))) {
    throw fail('usage', 'what was signed is another right to read states than this file has');
  }
  const signatures = eachOnce([...mine.signatures, ...theirs.signatures]);
  return encodeSignedCapability({ ...mine, signatures });
}

const eachOnce = (all: readonly KeySignature[]): KeySignature[] =>
  sortSignatures([...new Map(all.map((one) => [one.keyIndex, one])).values()]);

/** How a node stands, by the server's word: whoever may only read states verifies nothing. */
export interface MonitorView {
  readonly node: NodeId;
  /** eight, as the console of the node shows them */
  readonly words: string;
  /** those of {@link STATES} that need nothing that is sealed */
  readonly states: readonly State[];
  /** since when a proposal waits, unix seconds */
  readonly waitingSince?: number | undefined;
  /** of what is in force */
  readonly type?: StatementType | undefined;
  readonly seq?: number | undefined;
  /** unix seconds */
  readonly issued?: number | undefined;
  /** unix seconds; absent for never */
  readonly expires?: number | undefined;
  /** when the last report was stored, unix seconds */
  readonly reported?: number | undefined;
  /** why what the node is shown cannot be read or does not verify */
  readonly problem?: string | undefined;
}

/** How all nodes stand, by id: one request for 1,000 of them. @throws what the client throws */
export async function readStates(client: Client): Promise<MonitorView[]> {
  const all: MonitorView[] = [];
  let after: string | undefined;
  do {
    const page = await client.states(after === undefined ? {} : { after });
    for (const one of page.nodes) all.push(monitorView(one, client.now()));
    if (page.next !== undefined && page.next <= (after ?? '')) {
      throw fail('server_garbage', 'the server tells the same nodes again and again');
    }
    after = page.next;
  } while (after !== undefined);
  return all;
}

function monitorView(one: Answer<'states'>['nodes'][number], now: number): MonitorView {
  const { type, issued = 0, expires, waitingSince, reported, problem } = one;
  const so = new Set<State>();
  if (problem !== undefined) so.add('unreadable');
  if (waitingSince !== undefined) {
    so.add('waiting');
    if (type === undefined) so.add('first');
  }
  if (type !== undefined) {
    const end = { issued, ...(expires === undefined ? {} : { expires }) };
    const isOver = isExpired(end, [now]);
    if (type === 'reconfigure') so.add('reconfigure');
    else if (type === 'revoke') so.add('revoked');
    else so.add(isOver ? 'expired' : 'in-force');
    if (isExpiring(end, now)) so.add('expiring');
    if ((type === 'approve' || type === 'rollback') && reported === undefined) {
      so.add('never-booted');
    }
  }
  const states = so.size === 0 ? (['nothing'] as const) : STATES.filter((state) => so.has(state));
  return { ...one, node: one.node as NodeId, states };
}
