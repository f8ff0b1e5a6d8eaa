import * as v from 'valibot';
import { showPath, utf8, ZERO_DIGEST } from '../bundle/index.ts';
import type { NodeId } from '../bundle/index.ts';
import { fail } from '../protocol/errors.ts';
import { createHistoryReader, MAX_ENTRY_BYTES } from '../protocol/history.ts';
import { parseIsoTime } from '../protocol/iso-time.ts';
import { isNodeId } from '../protocol/keys.ts';
import { isPattern, pathMatcher } from '../protocol/path-pattern.ts';
import { planSeen } from './approve.ts';
import { startsSomething } from './changes.ts';
import { cosignedView, readCosigned } from './cosigned.ts';
import type { DiffView } from './diff-view.ts';
import { placeOf, waiting } from './find.ts';
import type { Waiting } from './find.ts';
import { planOne } from './many.ts';
import type { LeftOut } from './many.ts';
import type { ReadObject } from './objects.ts';
import type { Approving, Plan } from './plan.ts';
import type { Session } from './session.ts';
import type { ReviewWarning } from './warning.ts';

/** What a rule approves by itself. Nothing that a machine claims, its host name or where its key is from, is in it. */
export interface Rule {
  /** In the reason of each decision; no two rules have the same. */
  readonly name: string;
  /** The machines that it is for; absent where it has a window. */
  readonly nodes?: readonly NodeId[];
  /** Proposals of this time are meant, so many machines of them; absent where it has a list. */
  readonly window?: Window;
  /** Paths, or patterns of them as a site adds, that may hold what can run something. */
  readonly paths: readonly string[];
  /** Names of settings, as a difference has them, that may run something, whatever their value. */
  readonly settings: readonly string[];
}

/** Unix seconds, the end apart, and how many machines may be decided about for the first time in it. */
export interface Window {
  readonly from: number;
  readonly until: number;
  readonly count: number;
}

const MAX_NAME_BYTES = 100;
const MAX_PATH_BYTES = 128;
const MAX_RULES = 100;

const Time = v.pipe(
  v.string(),
  v.check((text) => parseIsoTime(text) !== undefined, 'a time is written 2027-01-31T08:00:00Z'),
  v.transform((text) => Math.floor(parseIsoTime(text)! / 1000)),
);
const unique = (list: readonly string[]): boolean => new Set(list).size === list.length;

const RuleEntry = v.pipe(
  v.strictObject({
    name: v.pipe(
      v.string(),
      v.check(
        (name) => /^\P{C}+$/u.test(name) && utf8(name).length <= MAX_NAME_BYTES,
        `a name has 1 to ${MAX_NAME_BYTES} bytes, none of them a control character`,
      ),
    ),
    nodes: v.exactOptional(
      v.pipe(
        v.array(
          v.pipe(
            v.string(),
            v.check(isNodeId, 'the id of a node has 32 characters'),
            v.transform((id) => id as NodeId),
          ),
        ),
        v.minLength(1, 'a list that is empty is for no machine'),
        v.check((ids) => unique(ids), 'an id is there twice'),
      ),
    ),
    from: v.exactOptional(Time),
    until: v.exactOptional(Time),
    count: v.exactOptional(
      v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(100_000, 'at most 100000')),
    ),
    paths: v.exactOptional(
      v.pipe(
        v.array(
          v.pipe(
            v.string(),
            v.check(
              (path) => isPattern(path) && !path.split('/')[0]!.includes('*'),
              'a path, or a pattern that begins with a folder: * within a part, ** as the last one',
            ),
            v.check(
              (path) => /^[^/]/.test(path) && utf8(path).length <= MAX_PATH_BYTES,
              `a path has no / in front, and 1 to ${MAX_PATH_BYTES} bytes`,
            ),
          ),
        ),
        v.check((paths) => unique(paths), 'a path is there twice'),
      ),
    ),
    settings: v.exactOptional(
      v.pipe(
        v.array(v.pipe(v.string(), v.minLength(1))),
        v.check((names) => unique(names), 'a setting is there twice'),
      ),
    ),
  }),
  v.check(({ nodes, from, until, count }) => {
    const window = [from, until, count].filter((one) => one !== undefined).length;
    return nodes === undefined ? window === 3 : window === 0;
  }, 'a rule has either nodes, or from, until and count'),
  v.check(
    ({ from = 0, until = 1 }) => from < until,
    'until is not after from: nothing is proposed in between',
  ),
);

const RulesFile = v.strictObject({
  coatcheck: v.literal('rules/1'),
  rules: v.pipe(
    v.array(RuleEntry),
    v.minLength(1, 'there is no rule'),
    v.maxLength(MAX_RULES, `at most ${MAX_RULES} rules`),
    v.check((rules) => unique(rules.map(({ name }) => name)), 'two rules have one name'),
    v.check(
      (rules) => unique(rules.flatMap(({ nodes = [] }) => nodes)),
      'a node is in the lists of two rules',
    ),
  ),
});

/** Limit on a file of rules, bytes. */
export const MAX_RULES_BYTES = 1024 * 1024;

/**
 * The rules of a file (docs/admin.md, "Approved by rule").
 * @param path names the file in the error
 * @throws file_malformed, which says where
 */
export function parseRules(text: string, path: string): readonly Rule[] {
  const malformed = (said: string, cause?: unknown): Error =>
    fail('file_malformed', `${path} has no rules that can be followed: ${said}`, { cause });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw malformed(cause instanceof Error ? cause.message : 'no JSON', cause);
  }
  const { success, issues, output } = v.safeParse(RulesFile, json);
  if (!success) {
    const [issue] = issues;
    throw malformed(`${v.getDotPath(issue) ?? 'the file'}: ${issue.message}`);
  }
  return output.rules.map(({ name, nodes, from, until, count, paths = [], settings = [] }) => ({
    ...{ name, paths, settings },
    ...(nodes === undefined
      ? { window: { from: from!, until: until!, count: count! } }
      : { nodes }),
  }));
}

/** Why a rule lets a proposal wait for a person. */
export type RuleRefusal =
  /** It was not proposed, or is not looked at, in the time of the rule. */
  | { readonly code: 'outside'; readonly rule: string; readonly window: Window }
  /** What may run something, and the rule does not name. */
  | {
      readonly code: 'not_named';
      readonly rule: string;
      readonly paths: readonly string[];
      readonly settings: readonly string[];
    }
  /** More wait than may still be approved: which of them is a stranger's no rule can tell. */
  | {
      readonly code: 'full';
      readonly rule: string;
      readonly waiting: number;
      readonly left: number;
    };

/** Why a proposal waits for a person. */
export type LeftToPerson =
  | LeftOut['why']
  | RuleRefusal
  /** Something was decided about its node: a rule decides what is first. */
  | { readonly code: 'decided' }
  | { readonly code: 'several'; readonly proposals: number }
  /** An administrator made it. */
  | { readonly code: 'not_the_nodes' }
  /** Administrators have signed something about its node that lacks signatures. */
  | { readonly code: 'cosigned'; readonly signedBy: readonly string[] }
  /** A review would warn of this. */
  | { readonly code: 'warned'; readonly warnings: readonly ReviewWarning[] }
  /** No rule names its node, and none has a window. */
  | { readonly code: 'no_rule' };

/** What a rule approves, and is not signed yet. */
export interface Ruled {
  readonly plan: Plan;
  /** its name */
  readonly rule: string;
}

/** What rules come to, about all that waits. */
export interface RulePlans {
  readonly planned: readonly Ruled[];
  /** each node with why, where several rules might have been for it of each */
  readonly left: readonly { readonly node: NodeId; readonly why: readonly LeftToPerson[] }[];
}

/**
 * Plans to approve what rules let through of all that waits: what a node made itself, the only thing that
 * waits for it, before anything was decided about it. A node that a rule lists is judged by that rule
 * alone, and counts in no window. Nothing of `history/` is read, so that a key that may only `first`
 * can: how many were decided about in a window is told by when their first entry was written.
 * @param wish until when it is good
 * @throws record_doubtful where the store lists less than this program has seen, and what reading throws
 */
export async function planByRules(
  session: Session,
  rules: readonly Rule[],
  wish: Pick<Approving, 'expires'> = {},
): Promise<RulePlans> {
  const all = await waiting(session);
  const firsts = await firstWritten(session, 'history');
  demandWhole(session, firsts);
  const cosigned =
    session.keyset.threshold > 1 ? await firstWritten(session, 'cosign') : new Map<NodeId, First>();
  const proposals = new Map<NodeId, Waiting[]>();
  for (const one of all) proposals.set(one.node, [...(proposals.get(one.node) ?? []), one]);

  const left: RulePlans['left'][number][] = [];
  const candidates: { readonly one: Waiting; readonly rules: readonly Rule[] }[] = [];
  const now = session.client.now();
  for (const [node, waits] of proposals) {
    const [one] = waits as [Waiting];
    const why = await unfit(session, node, waits, firsts, cosigned);
    const judging = rulesAbout(rules, one, now);
    if (why !== undefined) left.push({ node, why: [why] });
    else if (judging.rules.length === 0) left.push({ node, why: judging.why });
    else candidates.push({ one, rules: judging.rules });
  }

  const passed: (Ruled & { readonly node: NodeId })[] = [];
  const keys = candidates.map(({ one }) => one.key);
  const objects = session.readEach(keys, MAX_ENTRY_BYTES, (object) => object, { keepsBody: true });
  for (const { one, rules: judging } of candidates) {
    const object = (await objects.next()).value as ReadObject;
    const { node } = one;
    const found = await planOne(node, () => judged(session, { ...one, object }, judging, wish));
    if ('why' in found) left.push({ node, why: [found.why] });
    else if ('left' in found.planned) left.push({ node, why: found.planned.left });
    else passed.push({ node, ...found.planned });
  }

  const full = rules.flatMap((rule) => fullness(rule, rules, passed, [firsts, cosigned]));
  const isFull = ({ rule }: Ruled): boolean => full.some((one) => one.rule === rule);
  for (const one of passed.filter(isFull)) {
    left.push({ node: one.node, why: full.filter(({ rule }) => rule === one.rule) });
  }
  const planned = passed.filter((one) => !isFull(one)).map(({ plan, rule }) => ({ plan, rule }));
  return { planned, left: left.sort((a, b) => (a.node < b.node ? -1 : 1)) };
}

/** What of a node was written first, unix seconds, and up to which slot there is something. */
interface First {
  readonly modified: number;
  readonly slot: number;
}

async function firstWritten(
  session: Pick<Session, 'list'>,
  prefix: 'history' | 'cosign',
): Promise<Map<NodeId, First>> {
  const firsts = new Map<NodeId, First>();
  for await (const { parsed, modified } of session.list(prefix)) {
    if (!('node' in parsed)) continue;
    const slot = 'slot' in parsed ? parsed.slot : 0;
    const before = firsts.get(parsed.node);
    // Entries are listed by slot: the first that comes is the first decision.
    firsts.set(parsed.node, {
      modified: before?.modified ?? modified,
      slot: Math.max(before?.slot ?? 0, slot),
    });
  }
  return firsts;
}

/** A store that forgot decisions would have a count begin anew. */
function demandWhole({ remembered }: Session, firsts: ReadonlyMap<NodeId, First>): void {
  for (const [node, { slot }] of remembered) {
    if ((firsts.get(node)?.slot ?? 0) >= slot) continue;
    throw fail(
      'record_doubtful',
      `the store lists fewer decisions about ${node} than this tool has seen, and a rule counts them: nothing was signed`,
    );
  }
}

/** Why no rule is asked about a node. */
async function unfit(
  session: Session,
  node: NodeId,
  waits: readonly Waiting[],
  firsts: ReadonlyMap<NodeId, First>,
  cosigned: ReadonlyMap<NodeId, First>,
): Promise<LeftToPerson | undefined> {
  if (firsts.has(node)) return { code: 'decided' };
  if (waits.length > 1) return { code: 'several', proposals: waits.length };
  if (!cosigned.has(node)) return undefined;
  const open = (await readCosigned(session, node, { head: ZERO_DIGEST })).filter(
    ({ isVoid }) => !isVoid,
  );
  if (open.length === 0) return undefined;
  const signedBy = open.flatMap((one) => cosignedView(session, one).signedBy);
  return { code: 'cosigned', signedBy: [...new Set(signedBy)] };
}

/** The rules that judge a proposal, or why there is none. */
function rulesAbout(
  rules: readonly Rule[],
  { node, modified }: Waiting,
  now: number,
): { readonly rules: readonly Rule[]; readonly why: readonly LeftToPerson[] } {
  const listing = rules.filter(({ nodes = [] }) => nodes.includes(node));
  if (listing.length > 0) return { rules: listing, why: [] };
  const isIn = ({ from, until }: Window, time: number): boolean => from <= time && time < until;
  const open = rules.filter(
    ({ window }) => window !== undefined && isIn(window, now) && isIn(window, modified),
  );
  const why = rules.flatMap(({ name, window }) =>
    window === undefined ? [] : [{ code: 'outside' as const, rule: name, window }],
  );
  return { rules: open, why: why.length > 0 ? why : [{ code: 'no_rule' }] };
}

/** The plan of the first rule that lets a proposal through, or why none does. */
async function judged(
  session: Session,
  one: Waiting,
  rules: readonly Rule[],
  wish: Pick<Approving, 'expires'>,
): Promise<Ruled | { readonly left: readonly LeftToPerson[] }> {
  const { node } = one;
  const place = placeOf(one);
  const nothing = createHistoryReader([], session.site, node, () => false).end();
  const standing = { node, pending: [one], history: await session.accept(node, nothing) };
  const { plan, opened } = await planSeen(session, standing, {
    ...{ ...wish, place, reason: '', showSecrets: false, stat: false },
  });
  if (opened.sealed.kind !== 'node') return { left: [{ code: 'not_the_nodes' }] };
  const { review, ...rest } = plan;
  if (plan.objections.length > 0) {
    return { left: [{ code: 'objections', objections: plan.objections }] };
  }
  const warnings = review.warnings.filter(
    ({ code }) => code !== 'runs_by_place' && code !== 'may_name',
  );
  if (warnings.length > 0) return { left: [{ code: 'warned', warnings }] };
  const refusals: RuleRefusal[] = [];
  for (const rule of rules) {
    const { paths, settings } = notNamed(rule, review.diff);
    if (paths.length + settings.length === 0) {
      const [approval] = rest.statements;
      const reason = `rule ${rule.name}`;
      return { plan: { ...rest, statements: [{ ...approval, reason }] }, rule: rule.name };
    }
    refusals.push({ code: 'not_named', rule: rule.name, paths, settings });
  }
  return { left: refusals };
}

/** What of a difference may run something, as far as nobody has shown that it cannot, and is in no list of the rule. */
function notNamed(
  rule: Rule,
  { files, metadata }: DiffView,
): { readonly paths: readonly string[]; readonly settings: readonly string[] } {
  const isNamed = pathMatcher(rule.paths);
  const paths = files.filter(({ executes, path }) => executes !== 'no' && !isNamed(path));
  const settings = metadata.filter(
    (change) =>
      (change.executes === 'may name' || startsSomething(change)) &&
      !rule.settings.includes(change.name),
  );
  return {
    paths: paths.map(({ path }) => showPath(path)),
    settings: settings.map(({ name }) => name),
  };
}

/** Whether more wait for a window than it has left. */
function fullness(
  { name, window }: Rule,
  rules: readonly Rule[],
  passed: readonly (Ruled & { readonly node: NodeId })[],
  written: readonly ReadonlyMap<NodeId, First>[],
): Extract<RuleRefusal, { code: 'full' }>[] {
  if (window === undefined) return [];
  const own = passed.filter(({ rule }) => rule === name).map(({ node }) => node);
  const others = new Set([...own, ...rules.flatMap(({ nodes = [] }) => nodes)]);
  const used = new Set<NodeId>();
  for (const [node, { modified }] of written.flatMap((firsts) => [...firsts])) {
    if (window.from <= modified && modified < window.until && !others.has(node)) used.add(node);
  }
  const left = Math.max(0, window.count - used.size);
  return own.length > left ? [{ code: 'full', rule: name, waiting: own.length, left }] : [];
}
