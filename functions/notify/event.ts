import { createHash } from 'node:crypto';
import { fromHex, toHex, utf8 } from '../../bundle/bytes.ts';
import { nodeIdBytes } from '../../bundle/identity.ts';
import type { NodeId } from '../../bundle/identity.ts';
import { count } from '../../protocol/count.ts';
import type { Site } from '../../protocol/site.ts';
import { EXPIRING_DAYS, isExpired, isExpiring } from '../../protocol/verify.ts';
import type { PublicState } from '../states.ts';

/** What somebody is told of, in the order in which it is told. */
export const EVENT_KINDS = [
  ...(['waiting', 'unreadable', 'unapproved', 'failed', 'expired', 'drifted', 'expiring'] as const),
] as const;
/** One of these: a state of `coatcheck status`. */
export type EventKind = (typeof EVENT_KINDS)[number];

/** That one thing is so, of one node. */
export interface NotifyEvent {
  /** 64 hex digits: the same whoever tells it, and however often */
  readonly id: string;
  readonly kind: EventKind;
  readonly node: NodeId;
  /** eight */
  readonly words: string;
  /** since when a proposal waits, unix seconds */
  readonly since?: number;
  /** when what is in force ends or has ended, unix seconds */
  readonly expires?: number;
  /** the host name in force: only from who can open it */
  readonly name?: string;
  /** the host name that a proposal claims: anybody may claim any */
  readonly claims?: string;
}

/** What a receiver is sent. */
export interface Message {
  readonly coatcheck: 'events/1';
  /** 64 hex digits: of the events in it */
  readonly id: string;
  /** 32 hex digits */
  readonly site: string;
  /** unix seconds */
  readonly time: number;
  /** in one line of ASCII, for people */
  readonly text: string;
  /** how many events of each kind there are */
  readonly counts: Readonly<Partial<Record<EventKind, number>>>;
  /** at most {@link MAX_EVENTS} of them */
  readonly events: readonly NotifyEvent[];
}

/** Of a message: 100 are 40 KB. The counts have all. */
export const MAX_EVENTS = 100;
/** Nodes that its text names, of each kind. */
const NAMED = 3;

const hash = (...parts: Uint8Array[]): string => {
  const sum = createHash('sha256');
  for (const part of parts) sum.update(part);
  return sum.digest('hex');
};

/**
 * SHA-256("coatcheck/v1 event\0" || site || node || digest || kind).
 * @param digest of what it is about, 64 hex digits: the proposal that waits, otherwise the statement in force
 */
export const eventId = (site: Uint8Array, node: NodeId, digest: string, kind: EventKind): string =>
  hash(utf8('coatcheck/v1 event\0'), site, nodeIdBytes(node), fromHex(digest), utf8(kind));

/** Stands for what is in force where that cannot be read. */
export const NO_DIGEST = '0'.repeat(64);

/** What there is to tell of nodes that nobody has opened anything of. @param now unix seconds */
export function publicEvents(
  states: readonly PublicState[],
  site: Pick<Site, 'id'>,
  now: number,
): NotifyEvent[] {
  return states.flatMap(({ node, words, waiting, shown, problem }) => {
    const about = (digest: string, kind: EventKind): NotifyEvent => ({
      ...{ id: eventId(site.id, node, digest, kind), kind, node, words },
    });
    const events = waiting.map(({ digest, since }) => ({ ...about(digest, 'waiting'), since }));
    if (problem !== undefined) events.push({ ...about(NO_DIGEST, 'unreadable'), since: now });
    if (shown?.expires === undefined || shown.type === 'revoke') return events;
    const { expires, statement, issued } = shown;
    const isOver = isExpired({ issued, expires }, [now]);
    if (!isOver && !isExpiring({ issued, expires }, now)) return events;
    return [...events, { ...about(statement, isOver ? 'expired' : 'expiring'), expires }];
  });
}

/** What is sent of some events, at least one. @param time unix seconds */
export function messageOf(
  events: readonly NotifyEvent[],
  { id: site, name }: Pick<Site, 'id' | 'name'>,
  time: number,
): Message {
  const rank = ({ kind }: NotifyEvent): number => EVENT_KINDS.indexOf(kind);
  const sorted = events.toSorted((a, b) => rank(a) - rank(b) || (a.id < b.id ? -1 : 1));
  const ofKind = (kind: EventKind) => sorted.filter((event) => event.kind === kind);
  const kinds = EVENT_KINDS.filter((kind) => ofKind(kind).length > 0);
  const id = hash(utf8('coatcheck/v1 message\0'), ...sorted.map((event) => fromHex(event.id)));
  return {
    ...{ coatcheck: 'events/1', id, site: toHex(site), time },
    text: `coatcheck ${name}: ${kinds.map((kind) => sentence(kind, ofKind(kind))).join('; ')}`,
    counts: Object.fromEntries(kinds.map((kind) => [kind, ofKind(kind).length])),
    events: sorted.slice(0, MAX_EVENTS),
  };
}

const SAID: Readonly<Record<EventKind, readonly [one: string, many: string]>> = {
  waiting: ['waits for a decision', 'wait for a decision'],
  unreadable: ['is shown what cannot be read', 'are shown what cannot be read'],
  unapproved: ['runs what nobody approved', 'run what nobody approved'],
  failed: ['says that something failed', 'say that something failed'],
  expired: ['has an approval that ended', 'have an approval that ended'],
  drifted: ['differs from what was approved', 'differ from what was approved'],
  expiring: [
    `has an approval that ends within ${EXPIRING_DAYS} days`,
    `have an approval that ends within ${EXPIRING_DAYS} days`,
  ],
};

/** Ids, words and host names have letters, digits, hyphens and dots: nothing that a receiver reads as its own. */
function sentence(kind: EventKind, events: readonly NotifyEvent[]): string {
  const named = events.slice(0, NAMED).map(({ node, words, name, claims }) => {
    const who = name ?? (claims === undefined ? undefined : `claims ${claims}`);
    return `${node.slice(0, 16)} (${[...(who === undefined ? [] : [who]), words].join(', ')})`;
  });
  const more = events.length - named.length;
  const [one, many] = SAID[kind];
  const all = [...named, ...(more > 0 ? [`and ${more} more`] : [])].join(', ');
  return `${count(events.length, 'node')} ${events.length === 1 ? one : many}: ${all}`;
}
