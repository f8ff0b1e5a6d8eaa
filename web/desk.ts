import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { lookAt } from '../admin/find.ts';
import { createFleetReader } from '../admin/fleet.ts';
import type { Forgettable } from '../admin/forget.ts';
import { groupsOf } from '../admin/groups.ts';
import type { Group, Planned } from '../admin/groups.ts';
import { createLookout, EVERY_SECONDS } from '../admin/lookout.ts';
import { planApproveMany, signMany } from '../admin/many.ts';
import type { LeftOut } from '../admin/many.ts';
import type { Outcome } from '../admin/decide.ts';
import type { Plan } from '../admin/plan.ts';
import type { Session } from '../admin/session.ts';
import { takeBackOwn } from '../admin/take-back.ts';
import type { Consent } from '../admin/sign.ts';
import { ORDERS } from '../admin/views/order.ts';
import { WRONG } from '../admin/views/states.ts';
import type { State } from '../admin/views/states.ts';
import { claimsOf } from '../admin/views/status.ts';
import type { StatusView } from '../admin/views/status.ts';
import type { NodeId } from '../bundle/index.ts';
import { codeOf, hasCode, mayPass } from '../protocol/errors.ts';
import { digestHex } from '../protocol/keys.ts';
import type { Draft } from './draft.ts';
import { createTurns } from './turns.ts';

/** Between two looks while no page is open, milliseconds; while one is, a lookout says when. */
const ALONE_MILLISECONDS = 60_000;

/** So long a review or a confirmation may stand open before it has to be loaded again, milliseconds. */
const KEPT_MILLISECONDS = 15 * 60_000;

/** So many nodes are worked on at a time where requests go first: some milliseconds. */
const PIECE = 500;

/** So much of what somebody wrote is kept: the oldest goes first. */
const MAX_DRAFTS = 100;

/** How the fleet stands, as of the last look. */
export interface Picture {
  /** Counts up with every change of what is shown. */
  readonly version: number;
  /** what wants somebody first comes first */
  readonly nodes: readonly StatusView[];
  /** those of which something waits, and those of which something is wrong */
  readonly waiting: readonly StatusView[];
  readonly wrong: readonly StatusView[];
  /** how many nodes are in each state */
  readonly tally: ReadonlyMap<State, number>;
  /** how many objects are still to be read */
  readonly left: number;
  /** when it was looked at, unix milliseconds; absent before the first look ended */
  readonly at?: number;
  /** why the last look failed: what is shown is older */
  readonly error?: unknown;
}

/** What waits and changes what is in force, as one review each; and what nobody can plan. */
export interface Waits {
  readonly groups: readonly Group[];
  readonly leftOut: readonly LeftOut[];
}

/** One node that something is done about, with the name that is in force for it; or what it claims. */
export interface About {
  readonly node: NodeId;
  readonly name?: string | undefined;
  readonly claims?: string | undefined;
  /** Nothing was decided about it that it may have. */
  readonly isFirst?: boolean;
}

/** What a page wants typed before anything is signed: how many nodes these are, or who a machine is. */
export type Typed =
  | { readonly number: number }
  /** its eight words: no screen that asks for them shows them */
  | { readonly machine: NodeId };

/** What one page showed, and what its form may have done. */
export interface Shown {
  /** What is signed. */
  readonly plans?: readonly (Planned | { readonly plan: Plan; readonly name?: string })[];
  /** Its reasons and ends are part of what was shown, and the plans are steps: after one that fails none follows. */
  readonly isFixed?: boolean;
  /** What is forgotten. */
  readonly forget?: readonly Forgettable[];
  readonly typed?: Typed | undefined;
  /** The address of the screen, where whatever was not done is looked at again. */
  readonly at: string;
  /** The whole address of the screen, with all that it showed. */
  readonly here?: string;
}

/** What a form said that could not be done so: it is shown again, with that. */
export interface Try {
  readonly action: string;
  readonly fields: Readonly<Record<Field, string>>;
  /** by field */
  readonly problems: Readonly<Partial<Record<Field | 'read', string>>>;
}

/** What a person writes into the form at the end of a review. */
export type Field = 'typed' | 'reason' | 'expires';

/** What became of one node. */
export type Ended = { readonly node: NodeId } & (
  | { readonly outcomes: readonly Outcome[] }
  | { readonly forgotten: Awaited<ReturnType<Session['client']['forget']>> }
  | { readonly error: unknown }
);

/** What is done about one node after another. */
export interface Job {
  readonly id: string;
  readonly about: readonly About[];
  readonly ended: Ended[];
  /** The address of the screen that it was asked for on. */
  readonly at: string;
  isOver: boolean;
}

/** The administrator's side of the page: one session, one picture that is kept up to date, and plans. */
export interface Desk {
  /** @throws what `createSession` throws */
  session(): Promise<Session>;
  picture(): Picture;
  /** How a node stood at the last look. */
  view(node: NodeId): StatusView | undefined;
  /** A request came in, or was answered: looking at the nodes gives way to those. */
  visited(): void;
  /** Grows with the picture. */
  waits(): Waits;
  /** Tells of every change of the picture, until what it gives is called. */
  subscribe(listener: (version: number) => void): () => void;
  /** Looks again now. */
  refresh(): void;
  /** Keeps plans for the form that shows them. @returns 32 hex digits */
  keep(shown: Shown): string;
  /** What was kept: undefined for what was used or is too old. */
  kept(id: string): Shown | undefined;
  /** Whether its nodes have in force, waiting and refused what they had when it was kept, as of the last look. */
  stands(id: string): boolean;
  /** Keeps it no longer. @returns whether nobody used it before */
  use(id: string): boolean;
  /** Keeps what a form said, as long as this runs. @returns 32 hex digits */
  keepTry(one: Try): string;
  try(id: string): Try | undefined;
  /** Keeps what somebody wrote, as long as this runs. @returns 32 hex digits */
  keepDraft(draft: Draft): string;
  draft(id: string): Draft | undefined;
  /** Signs, or forgets, one after another, and goes on where the page that asked for it is closed. */
  start(shown: Shown, consent?: Consent): Job;
  job(id: string): Job | undefined;
  close(): Promise<void>;
}

/**
 * @param open makes a session; called again where the keyset changed
 */
export function createDesk(open: () => Promise<Session>): Desk {
  let opened: Promise<Session> | undefined;
  let reader: ReturnType<typeof createFleetReader> | undefined;
  let picture: Picture = { version: 0, left: 0, ...sortedOut([]) };
  let views: ReadonlyMap<NodeId, StatusView> = new Map();
  /** What tells the picture from the next, and the nodes in it from those. */
  let [shownAs, shownNodes] = ['', ''];
  let waits: Waits = { groups: [], leftOut: [] };
  /** What was planned of what waits, by all that it depends on. */
  let planned = new Map<string, Planned | LeftOut>();
  const listeners = new Set<(version: number) => void>();
  const kept = new Map<
    string,
    { readonly shown: Shown; readonly stood: string; readonly until: number }
  >();
  const drafts = new Map<string, Draft>();
  const tries = new Map<string, Try>();
  const jobs = new Map<string, Job>();
  const stopping = new AbortController();
  const turns = createTurns();
  let wake = new AbortController();
  /** Ends what is waited for while no page is open. */
  let arrival = new AbortController();

  const session = (): Promise<Session> => {
    opened ??= open().catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  };
  const renew = (error: unknown): void => {
    if (!hasCode(error, 'stale_keyset', 'not_an_admin')) return;
    opened = undefined;
    reader = undefined;
    planned.clear();
  };
  const show = (next: Omit<Picture, 'version'>, nodesAre = shownNodes): void => {
    // What was planned is there with the first time that it was looked at.
    const are = [nodesAre, next.left, next.at === undefined, next.error === undefined].join(' ');
    const isSame = are === shownAs;
    [shownAs, shownNodes] = [are, nodesAre];
    picture = { ...next, version: picture.version + (isSame ? 0 : 1) };
    if (!isSame) for (const listener of listeners) listener(picture.version);
  };
  const showNodes = (
    nodes: readonly StatusView[],
    { nodesAre, ...rest }: Pick<Picture, 'left' | 'at'> & { readonly nodesAre: string },
  ): void => {
    views = new Map(nodes.map((view) => [view.node, view]));
    show({ ...sortedOut(nodes), ...rest }, nodesAre);
  };

  async function look(): Promise<void> {
    try {
      const now = await session();
      reader ??= createFleetReader(now);
      const nodes = await reader.look({
        between: turns.between,
        onProgress: ({ views: soFar, left }) => {
          // Of a large fleet a picture at each object would take longer than reading it.
          if (picture.at === undefined && left % 500 === 0)
            showNodes(soFar(), { left, nodesAre: '' });
        },
      });
      await plan(now, nodes);
      const nodesAre = await fingerprint(nodes, turns.between);
      showNodes(nodes, { left: 0, at: Date.now(), nodesAre });
    } catch (error) {
      renew(error);
      show({ ...picture, error });
    }
  }

  /** Plans what waits and was not planned yet: a look costs nothing where nothing changed. */
  async function plan(now: Session, nodes: readonly StatusView[]): Promise<void> {
    const wanted = nodes.flatMap(({ node, waiting, decision, rejected }) =>
      waiting.map(({ digest }) => ({
        key: [
          ...[node, digest, now.keyset.version],
          ...[decision?.statementDigest, rejected?.statementDigest],
        ].join(' '),
        target: { node, digest, named: true },
      })),
    );
    const isNew = wanted.filter(({ key }) => !planned.has(key));
    if (isNew.length === 0 && wanted.length === planned.size) return;
    const one = new Map(isNew.map((each) => [each.target.node, each]));
    if (one.size > 0) {
      const targets = [...one.values()].map(({ target }) => target);
      const wish = { reason: '', showSecrets: false, stat: false } as const;
      const plans = await planApproveMany(now, targets, wish, { looksOnly: true });
      for (const each of plans.planned) planned.set(one.get(each.plan.node)!.key, each);
      for (const each of plans.leftOut) planned.set(one.get(each.node)!.key, each);
    }
    const current = new Map(
      wanted.flatMap(({ key }) => (planned.has(key) ? [[key, planned.get(key)!] as const] : [])),
    );
    planned = current;
    const all = [...current.values()];
    waits = {
      groups: groupsOf(
        all.filter((each) => 'plan' in each),
        { showSecrets: false },
      ),
      leftOut: all.filter((each) => 'why' in each),
    };
  }

  const lookout = createLookout({
    events: async (query, signal) => (await session()).client.events(query, signal),
  });
  const isWatched = (): boolean => listeners.size > 0;
  async function keepLooking(): Promise<void> {
    while (!stopping.signal.aborted) {
      wake = new AbortController();
      await look();
      const signal = AbortSignal.any([wake.signal, stopping.signal]);
      const looked = performance.now();
      if (!isWatched()) {
        arrival = new AbortController();
        const ends = AbortSignal.any([signal, arrival.signal]);
        await pause(ALONE_MILLISECONDS, undefined, { signal: ends }).catch(() => undefined);
        // A page that is left for another is none that was closed: it is not looked at for each of them.
        const isOld = performance.now() - looked > EVERY_SECONDS * 1000;
        if (isOld || wake.signal.aborted || !isWatched()) continue;
      }
      await lookout.wait(signal);
    }
  }
  const looking = keepLooking();

  /** As a decision in a terminal does: what was uploaded for one that is not recorded is taken back. */
  async function takeBackLeft(now: Session, node: NodeId): Promise<void> {
    const view = views.get(node);
    if (!view?.waiting.some(({ madeBy }) => madeBy === 'admin')) return;
    // What cannot be taken back now still waits, and is seen to wait.
    await lookAt(now, node)
      .then((standing) => takeBackOwn(now, standing))
      .catch(() => undefined);
  }

  async function run(job: Job, each: (now: Session) => AsyncIterable<Ended>): Promise<void> {
    try {
      const now = await session();
      for await (const ended of each(now)) {
        job.ended.push(ended);
        if ('error' in ended) renew(ended.error);
        else await takeBackLeft(now, ended.node);
      }
    } catch (error) {
      for (const { node } of job.about.slice(job.ended.length)) job.ended.push({ node, error });
    }
    job.isOver = true;
    wake.abort();
  }

  async function* signEach(
    now: Session,
    { plans = [], isFixed = false }: Shown,
    consent: Consent,
  ): AsyncGenerator<Ended> {
    const statements = plans.flatMap(({ plan: { node, statements } }) =>
      statements.map(({ type }) => ({ type, node })),
    );
    await now.key.sign.announce?.({ statements });
    let isStopped = false;
    const signed = signMany(now, plans, consent, () => isStopped || stopping.signal.aborted);
    for await (const each of signed) {
      const { node } = each.planned.plan;
      isStopped = isFixed && 'error' in each;
      yield 'error' in each ? { node, error: each.error } : { node, outcomes: each.outcomes };
    }
  }

  async function* forgetEach(now: Session, nodes: readonly Forgettable[]): AsyncGenerator<Ended> {
    for (const { node, revoke } of nodes) {
      if (stopping.signal.aborted) return;
      try {
        const head = digestHex(revoke.frame.statementDigest);
        yield { node, forgotten: await now.client.forget(node, head) };
      } catch (error) {
        yield { node, error };
        if (mayPass(codeOf(error))) return;
      }
    }
  }

  const standing = ({ plans = [] }: Shown): string =>
    JSON.stringify(
      plans.map(({ plan: { node } }) => {
        const { decision, rejected, waiting = [] } = views.get(node) ?? {};
        const decided = [decision?.statementDigest, rejected?.statementDigest];
        return [node, ...decided, ...waiting.map(({ digest }) => digest)];
      }),
    );

  return {
    session,
    picture: () => picture,
    view: (node) => views.get(node),
    visited: turns.visited,
    waits: () => waits,
    subscribe: (listener) => {
      listeners.add(listener);
      if (listeners.size === 1) arrival.abort();
      return () => void listeners.delete(listener);
    },
    refresh: () => {
      wake.abort();
    },
    keep: (shown) => {
      const now = Date.now();
      for (const [id, { until }] of kept) if (until < now) kept.delete(id);
      const id = newId();
      kept.set(id, { shown, stood: standing(shown), until: now + KEPT_MILLISECONDS });
      return id;
    },
    kept: (id) => {
      const found = kept.get(id);
      return found !== undefined && found.until >= Date.now() ? found.shown : undefined;
    },
    stands: (id) => {
      const found = kept.get(id);
      return found !== undefined && found.stood === standing(found.shown);
    },
    use: (id) => kept.delete(id),
    keepTry: (one) => keepIn(tries, one),
    try: (id) => tries.get(id),
    keepDraft: (draft) => keepIn(drafts, draft),
    draft: (id) => drafts.get(id),
    start: (shown, consent = {}) => {
      const { plans = [], forget = [], at } = shown;
      const about = [
        ...plans.map(({ plan: { node }, name }) => {
          const view = views.get(node);
          const [claims] = view === undefined || name !== undefined ? [] : claimsOf(view);
          return { node, name, claims, isFirst: view?.states.includes('first') === true };
        }),
        ...forget.map(({ node }) => ({ node })),
      ];
      const job: Job = { ...{ id: newId(), about, ended: [], at }, isOver: false };
      jobs.set(job.id, job);
      void run(job, (now) =>
        forget.length > 0 ? forgetEach(now, forget) : signEach(now, shown, consent),
      );
      return job;
    },
    job: (id) => jobs.get(id),
    close: async () => {
      stopping.abort();
      await looking;
    },
  };
}

/** Under an id of its own: the oldest goes first. */
function keepIn<T>(all: Map<string, T>, one: T): string {
  const id = newId();
  all.set(id, one);
  const [oldest] = all.keys();
  if (all.size > MAX_DRAFTS) all.delete(oldest!);
  return id;
}

const isWrong = ({ states }: StatusView): boolean => states.some((state) => WRONG.includes(state));

/** Whether its name is in force for another as well. */
export const sharesName = ({ notes }: StatusView): boolean =>
  notes.some(({ code }) => code === 'name_twice');

/** What screens show of the nodes, made once for all of them. */
function sortedOut(
  views: readonly StatusView[],
): Pick<Picture, 'nodes' | 'waiting' | 'wrong' | 'tally'> {
  const nodes = views.toSorted(ORDERS.state);
  const tally = new Map<State, number>();
  for (const state of nodes.flatMap(({ states }) => states))
    tally.set(state, (tally.get(state) ?? 0) + 1);
  return {
    ...{ nodes, tally },
    waiting: nodes.filter(({ states }) => states.includes('waiting')),
    wrong: nodes.filter((view) => isWrong(view) || sharesName(view)),
  };
}

/** Of views as they are shown, in a form that can be kept. */
async function fingerprint(
  nodes: readonly StatusView[],
  between: () => Promise<void>,
): Promise<string> {
  const hash = createHash('sha256');
  for (let at = 0; at < nodes.length; at += PIECE) {
    hash.update(JSON.stringify(nodes.slice(at, at + PIECE)));
    await between();
  }
  return hash.digest('hex');
}

const newId = (): string => randomBytes(16).toString('hex');
