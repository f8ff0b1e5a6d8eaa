import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { lookAt } from '../admin/find.ts';
import { createFleetReader } from '../admin/fleet.ts';
import { createLookout } from '../admin/lookout.ts';
import { groupsOf } from '../admin/groups.ts';
import type { Group, Planned } from '../admin/groups.ts';
import { planApproveMany, signMany } from '../admin/many.ts';
import type { LeftOut } from '../admin/many.ts';
import type { Outcome } from '../admin/decide.ts';
import type { Plan } from '../admin/plan.ts';
import type { Session } from '../admin/session.ts';
import { takeBackOwn } from '../admin/take-back.ts';
import type { Consent } from '../admin/sign.ts';
import type { StatusView } from '../admin/views/status.ts';
import type { NodeId } from '../bundle/index.ts';
import { codeOf, ERRORS, EXIT, hasCode } from '../protocol/errors.ts';

/** Between two looks while no page is open, milliseconds; while one is, a lookout says when. */
const ALONE_MILLISECONDS = 60_000;

/** So long a review or a confirmation may stand open before it has to be loaded again, milliseconds. */
const KEPT_MILLISECONDS = 15 * 60_000;

/** How the fleet stands, as of the last look. */
export interface Picture {
  /** Counts up with every change of what is shown. */
  readonly version: number;
  readonly nodes: readonly StatusView[];
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

/** Plans that one page showed, and that its form may have signed. */
export interface Shown {
  readonly plans: readonly (Planned | { readonly plan: Plan; readonly name?: string })[];
  /** What the page wants typed, if anything. */
  readonly typed?: string;
}

/** What becomes of plans that are signed one after another. */
export interface Job {
  readonly id: string;
  readonly plans: Shown['plans'];
  readonly done: { readonly node: NodeId; readonly outcomes: readonly Outcome[] }[];
  readonly failed: { readonly node: NodeId; readonly error: unknown }[];
  isOver: boolean;
}

/** The administrator's side of the page: one session, one picture that is kept up to date, and plans. */
export interface Desk {
  /** @throws what `createSession` throws */
  session(): Promise<Session>;
  picture(): Picture;
  /** Grows with the picture. */
  waits(): Waits;
  /** Tells of every change of the picture, until what it gives is called. */
  subscribe(listener: (version: number) => void): () => void;
  /** Looks again now. */
  refresh(): void;
  /** Keeps plans for the form that shows them. @returns 32 hex digits */
  keep(shown: Shown): string;
  /** What was kept, once: undefined for what was used or is too old. */
  take(id: string): Shown | undefined;
  /** Signs one after another, and goes on where the page that asked for it is closed. */
  start(plans: Shown['plans'], consent: Consent): Job;
  job(id: string): Job | undefined;
  close(): Promise<void>;
}

/**
 * @param open makes a session; called again where the keyset changed
 */
export function createDesk(open: () => Promise<Session>): Desk {
  let opened: Promise<Session> | undefined;
  let reader: ReturnType<typeof createFleetReader> | undefined;
  let picture: Picture = { version: 0, nodes: [], left: 0 };
  let waits: Waits = { groups: [], leftOut: [] };
  /** What was planned of what waits, by all that it depends on. */
  let planned = new Map<string, Planned | LeftOut>();
  const listeners = new Set<(version: number) => void>();
  const kept = new Map<string, { readonly shown: Shown; readonly until: number }>();
  const jobs = new Map<string, Job>();
  const stopping = new AbortController();
  let wake = new AbortController();

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
  const show = (next: Omit<Picture, 'version'>): void => {
    const before = picture;
    const isSame =
      JSON.stringify([before.nodes, before.left > 0, before.error === undefined]) ===
      JSON.stringify([next.nodes, next.left > 0, next.error === undefined]);
    picture = { ...next, version: before.version + (isSame ? 0 : 1) };
    if (!isSame) for (const listener of listeners) listener(picture.version);
  };

  async function look(): Promise<void> {
    try {
      const now = await session();
      reader ??= createFleetReader(now);
      const nodes = await reader.look({
        onProgress: ({ views, left }) => {
          // Of a large fleet a picture at each object would take longer than reading it.
          if (picture.at === undefined && left % 500 === 0) show({ nodes: views(), left });
        },
      });
      await plan(now, nodes);
      show({ nodes, left: 0, at: Date.now() });
    } catch (error) {
      renew(error);
      show({ ...picture, error });
    }
  }

  /** Plans what waits and was not planned yet: a look costs nothing where nothing changed. */
  async function plan(now: Session, nodes: readonly StatusView[]): Promise<void> {
    const wanted = nodes.flatMap(({ node, waiting, decision }) =>
      waiting.map(({ digest }) => ({
        key: [node, digest, decision?.statementDigest ?? '', now.keyset.version].join(' '),
        target: { node, digest, named: true },
      })),
    );
    const isNew = wanted.filter(({ key }) => !planned.has(key));
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
  async function keepLooking(): Promise<void> {
    while (!stopping.signal.aborted) {
      wake = new AbortController();
      await look();
      const signal = AbortSignal.any([wake.signal, stopping.signal]);
      if (listeners.size > 0) await lookout.wait(signal);
      else await pause(ALONE_MILLISECONDS, undefined, { signal }).catch(() => undefined);
    }
  }
  const looking = keepLooking();

  /** As a decision in a terminal does: what was uploaded for one that is not recorded is taken back. */
  async function takeBackLeft(now: Session, node: NodeId): Promise<void> {
    const view = picture.nodes.find((one) => one.node === node);
    if (!view?.waiting.some(({ madeBy }) => madeBy === 'admin')) return;
    // What cannot be taken back now still waits, and is seen to wait.
    await lookAt(now, node)
      .then((standing) => takeBackOwn(now, standing))
      .catch(() => undefined);
  }

  async function run(job: Job, consent: Consent): Promise<void> {
    try {
      const now = await session();
      const results = signMany(now, job.plans, consent, () => stopping.signal.aborted);
      for await (const each of results) {
        const { node } = each.planned.plan;
        if ('error' in each) {
          renew(each.error);
          job.failed.push({ node, error: each.error });
        } else {
          job.done.push({ node, outcomes: each.outcomes });
          await takeBackLeft(now, node);
        }
      }
    } catch (error) {
      for (const { plan: one } of job.plans.slice(job.done.length + job.failed.length))
        job.failed.push({ node: one.node, error });
    }
    job.isOver = true;
    wake.abort();
  }

  return {
    session,
    picture: () => picture,
    waits: () => waits,
    subscribe: (listener) => {
      listeners.add(listener);
      if (listeners.size === 1) wake.abort();
      return () => void listeners.delete(listener);
    },
    refresh: () => {
      wake.abort();
    },
    keep: (shown) => {
      const now = Date.now();
      for (const [id, { until }] of kept) if (until < now) kept.delete(id);
      const id = newId();
      kept.set(id, { shown, until: now + KEPT_MILLISECONDS });
      return id;
    },
    take: (id) => {
      const found = kept.get(id);
      kept.delete(id);
      return found !== undefined && found.until >= Date.now() ? found.shown : undefined;
    },
    start: (plans, consent) => {
      const job: Job = { id: newId(), plans, done: [], failed: [], isOver: false };
      jobs.set(job.id, job);
      void run(job, consent);
      return job;
    },
    job: (id) => jobs.get(id),
    close: async () => {
      stopping.abort();
      await looking;
    },
  };
}

const newId = (): string => randomBytes(16).toString('hex');

/** Whether an error may pass by itself. */
export const mayPass = (error: unknown): boolean => ERRORS[codeOf(error)].exit === EXIT.unavailable;
