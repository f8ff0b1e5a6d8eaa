import type { Outcome } from '../../admin/decide.ts';
import { signMany } from '../../admin/many.ts';
import type { LeftOut, ManyPlans } from '../../admin/many.ts';
import type { Plan } from '../../admin/plan.ts';
import type { Session } from '../../admin/session.ts';
import type { Objection } from '../../admin/warning.ts';
import type { NodeId } from '../../bundle/index.ts';
import { CoatcheckError } from '../../bundle/index.ts';
import { count } from '../../protocol/count.ts';
import { codeOf, fail, hasCode } from '../../protocol/errors.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import { escapeLine } from '../../protocol/escape.ts';
import { confirm, confirmNumber } from '../confirm.ts';
import type { ConsentFlags } from '../confirm.ts';
import { nextInterrupt } from '../interrupt.ts';
import { namesText, shortName } from '../../words/names.ts';
import type { Terminal } from '../terminal.ts';
import { when } from '../../words/time.ts';
import { answered, recorded, sending } from '../under-way.ts';
import { leftOutText } from '../../words/left-out.ts';
import { warningText } from '../../words/warnings.ts';
import { printOutcome } from './outcome.ts';

/** Something that is signed about one of many nodes. */
interface Signable {
  readonly plan: Plan;
  /** Signed once `plan` is. */
  readonly then?: Plan;
  readonly name?: string;
}

/** How a consent to many is asked for, and what the document of JSON mode begins with. */
export interface ManyAsked {
  /** `Approve`, `Revoke`: what begins the question */
  readonly verb: string;
  /** What is signed, in the singular: `proposal`, `node` */
  readonly noun: string;
  readonly flags: ConsentFlags;
  /** `--expect` as a number */
  readonly expect?: number | undefined;
  /** Whether a person types the number of nodes, instead of a yes. */
  readonly byNumber?: boolean;
  readonly objections?: readonly Objection[];
  readonly document?: Readonly<Record<string, unknown>>;
  /** Told of each that is recorded. */
  readonly onRecorded?: (outcome: Outcome) => void;
}

/** What is told while many nodes are looked at: see `Telling`. */
export const tellingOf = (terminal: Terminal) => ({
  onWarning: (node: NodeId, warning: Parameters<typeof warningText>[0]) => {
    terminal.warn(`${node}: ${warningText(warning)}`);
  },
  onTakenBack: (node: NodeId, { digest, modified }: { digest: string; modified: number }) => {
    terminal.warn(
      `took back ${digest}, which you uploaded ${when(modified)} for a decision about ${node} that is not recorded`,
    );
  },
});

/** Says about which nodes nothing will be signed, and why. */
export function printLeftOut(terminal: Terminal, leftOut: readonly LeftOut[]): void {
  if (leftOut.length === 0) return;
  terminal.print(terminal.style.bold(`${count(leftOut.length, 'node')} left out:`));
  for (const one of leftOut) {
    const who = one.name === undefined ? one.node : `${one.node} ${escapeLine(one.name)}`;
    terminal.print(`  ${who}: ${escapeLine(leftOutText(one).message)}`);
  }
}

/** Where a run got to before, or what a filter may not select, is no failure. */
const isFailure = ({ why }: LeftOut): boolean => !['done', 'same', 'first'].includes(why.code);

/** One that failed, in JSON. */
interface Failed {
  readonly node: NodeId;
  readonly name?: string;
  readonly code: ErrorCode;
  readonly message: string;
}

/**
 * Asks once, naming the nodes, and signs about one after another. Ctrl-C ends it between two signatures.
 * @throws as `confirm`; interrupted, step_failed where not all was signed that was meant
 */
export async function signManyAsked<P extends Signable>(
  session: Session,
  terminal: Terminal,
  { planned, leftOut }: ManyPlans<P>,
  asked: ManyAsked,
): Promise<void> {
  const { verb, noun, flags, expect } = asked;
  const total = planned.length;
  demandExpected(expect, total);
  if (total === 0) {
    terminal.document({ ...asked.document, ...documentOf([], [], leftOut, []) });
    if (leftOut.some(isFailure)) throw failed(0, leftOut.filter(isFailure).length);
    const first = leftOut.filter(({ why }) => why.code === 'first');
    if (first.length > 0) throw onlyFirst(first);
    terminal.hint('there is nothing to sign');
    return;
  }
  const objections = [
    ...(asked.objections ?? []),
    ...planned.flatMap(({ plan, then }) => [...plan.objections, ...(then?.objections ?? [])]),
  ];
  const who = namesText(planned.map(({ plan, name }) => shortName({ node: plan.node, name })));
  terminal.print(`${terminal.style.bold(count(total, 'node'))}: ${who}`);
  if (asked.byNumber === true && total > 1) {
    const message = `${verb} ${count(total, noun)}? Type their number`;
    await confirmNumber(objections, terminal, message, total, { ...flags, expect });
  } else {
    const names = who.length <= MAX_QUESTION ? `: ${who}` : ', as named above';
    await confirm(objections, terminal, `${verb} ${count(total, noun)}${names}?`, flags);
  }

  await session.key.sign.announce?.({
    statements: planned.flatMap(({ plan, then }) =>
      [plan, ...(then === undefined ? [] : [then])].flatMap(({ node, statements }) =>
        statements.map(({ type }) => ({ type, node })),
      ),
    ),
  });
  const stop = { isWanted: false };
  void nextInterrupt().then(() => {
    stop.isWanted = true;
    terminal.hint('stopping: what is under way is waited for');
  });
  const decisions: Outcome[] = [];
  const failures: Failed[] = [];
  const despite = objections.map(({ code }) => code).filter((code) => code === 'record_doubtful');
  const consent = {
    despite,
    onSending: sending,
    onOutcome: (outcome: Outcome) => {
      recorded(outcome);
      decisions.push(outcome);
      asked.onRecorded?.(outcome);
      printOutcome(terminal, outcome);
    },
  };
  const signed = signMany(session, planned, consent, () => stop.isWanted);
  const undersigned: Failed[] = [];
  let firsts = 0;
  let tried = 0;
  for (;;) {
    const next = await terminal.waiting(`${tried + 1} of ${total}`, () => signed.next());
    if (next.done === true) break;
    tried++;
    if (!('error' in next.value)) continue;
    answered();
    const failure = failedOf(next.value.planned, next.value.error);
    if (failure.code === 'undersigned') {
      undersigned.push(failure);
      const { after, statements } = next.value.planned.plan;
      if (after.seq === 0 && statements[0].type === 'approve') firsts++;
      const said = escapeLine(failure.message).replace(/^signed: /, '');
      terminal.print(`${terminal.style.green('signed')} ${said}`);
      continue;
    }
    failures.push(failure);
    const moved = hasCode(next.value.error, 'head_moved', 'already_decided', 'not_found');
    terminal.print(
      `${terminal.style.red(moved ? 'moved meanwhile' : 'failed')} ${failure.node}: ${escapeLine(failure.message)} [${failure.code}]`,
    );
  }
  const untried = planned.slice(tried).map(({ plan }) => plan.node);
  terminal.document({
    ...asked.document,
    ...documentOf(decisions, failures, leftOut, untried),
    ...(undersigned.length > 0 && { undersigned }),
  });
  const missed = failures.length + leftOut.filter(isFailure).length;
  terminal.hint(
    [
      `${tried - failures.length} of ${total} signed`,
      ...(failures.length > 0 ? [`${failures.length} failed`] : []),
      ...(untried.length > 0 ? [`${untried.length} not tried`] : []),
      ...(leftOut.length > 0 ? [`${leftOut.length} left out`] : []),
    ].join(', '),
  );
  if (stop.isWanted && untried.length > 0) {
    throw fail(
      'interrupted',
      `interrupted: ${tried - failures.length} of ${total} are signed, and ${untried.length} were not tried; the same command again asks about what is left`,
      { details: { signed: tried - failures.length, left: untried.length } },
    );
  }
  if (missed + untried.length > 0) throw failed(tried - failures.length, missed + untried.length);
  if (undersigned.length > 0) {
    const { length } = undersigned;
    const what =
      length === 1 ? '1 is signed by you, and lacks' : `${length} are signed by you, and lack`;
    throw fail('undersigned', `${what} other signatures: ${cosignText(length, firsts)}`, {
      details: { signed: length },
    });
  }
}

/** How others sign as well; a first approval is signed where its node is named. */
function cosignText(all: number, firsts: number): string {
  const rest = 'coatcheck cosign --all-waiting';
  if (firsts === 0) return `the others sign them with ${rest}`;
  const named = 'by its words or its id, coatcheck cosign NODE...';
  if (firsts === all) return `the others name each machine ${named}`;
  return `the others name each first one ${named}, and the rest is ${rest}`;
}

/** What a machine claims to be chooses nothing: so nothing is selected here. */
const onlyFirst = (first: readonly LeftOut[]): Error =>
  fail(
    'usage',
    `${count(first.length, 'first proposal')} ${first.length === 1 ? 'waits' : 'wait'}, and no filter, name or pattern approves one: compare the eight words of each machine, and name it by them or by its id (coatcheck approve ${first[0]!.node}); many by a list from elsewhere (--expect FILE), or by rules (--auto RULES). Nothing was signed`,
    { details: { first: first.length } },
  );

/** A longer list of names stands above its question. */
const MAX_QUESTION = 160;

function demandExpected(expect: number | undefined, total: number): void {
  if (expect === undefined || expect === total) return;
  throw fail('usage', `--expect says ${expect}, and ${total} are meant: nothing was signed`);
}

const failed = (signed: number, missed: number): Error =>
  fail(
    'step_failed',
    `${signed} signed, and ${missed} not, each named above with its reason; the same command again asks about what is left`,
    { details: { signed, left: missed } },
  );

function failedOf({ plan, name }: Signable, error: unknown): Failed {
  const message = error instanceof CoatcheckError ? error.message : String(error);
  return { node: plan.node, ...(name !== undefined && { name }), code: codeOf(error), message };
}

/** What came of it, for JSON. */
function documentOf(
  decisions: readonly Outcome[],
  failures: readonly Failed[],
  leftOut: readonly LeftOut[],
  untried: readonly NodeId[],
) {
  return {
    decisions,
    failed: failures,
    untried,
    leftOut: leftOut.map((one) => ({
      node: one.node,
      ...(one.name !== undefined && { name: one.name }),
      ...leftOutText(one),
    })),
  };
}
