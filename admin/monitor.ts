import * as v from 'valibot';
import { encodeSignedCapability, fromBase64Url, toBase64Url } from '../bundle/index.ts';
import type { NodeId, StatementType } from '../bundle/index.ts';
import type { Client } from '../protocol/client.ts';
import { fail } from '../protocol/errors.ts';
import type { Answer } from '../protocol/http.ts';
import { formatSite, parseSite } from '../protocol/site.ts';
import type { Site } from '../protocol/site.ts';
import { isExpired, isExpiring } from '../protocol/verify.ts';
import { siteNow } from './key-request.ts';
import type { Session } from './session.ts';
import { STATES } from './views/status.ts';
import type { State } from './views/status.ts';

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

/**
 * Gives a key the right to read states, and nothing else.
 * @param wish.signKey Ed25519, 32 bytes: made for this
 * @param wish.expires unix seconds
 * @returns the capability, encoded, and the site as the file of the monitor has it
 * @throws threshold_not_met where one signature is not enough, or this key may only `first`; bad_time,
 *   bad_name; what the port throws
 */
export async function giveCapability(
  session: Session,
  wish: { readonly signKey: Uint8Array; readonly expires: number; readonly name: string },
): Promise<Omit<Monitor, 'seed'>> {
  const { keyset, keyIndex, chain, client, key } = session;
  if (keyset.threshold > 1 || keyset.keys[keyIndex]!.may !== 'all') {
    throw fail(
      'threshold_not_met',
      `${keyset.threshold} administrators who may decide about everything give the right to read states, and here is one key`,
    );
  }
  const capability = {
    ...{ site: keyset.site, keyset: chain.at(-1)!.digest, issued: client.now(), ...wish },
  };
  const signed = await key.sign.capability(capability, keyIndex);
  return { site: siteNow(session), capability: encodeSignedCapability(signed) };
}

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
