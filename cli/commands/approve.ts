import { bundlePath } from '../../admin/alter.ts';
import { planApprove } from '../../admin/approve.ts';
import { planRenewMany } from '../../admin/change.ts';
import { planRebase } from '../../admin/approve-rebased.ts';
import type { ApproveWish } from '../../admin/approve.ts';
import { findBundle } from '../../admin/find.ts';
import type { BundlePlace, Standing } from '../../admin/find.ts';
import { carriesBundle } from '../../admin/record.ts';
import { checkReason } from '../../admin/plan.ts';
import { planApproveMany } from '../../admin/many.ts';
import type { ManyWish, Target } from '../../admin/many.ts';
import type { Plan } from '../../admin/plan.ts';
import type { ReviewOptions } from '../../admin/review.ts';
import type { Session } from '../../admin/session.ts';
import { statementView } from '../../admin/views/statement.ts';
import type { Objection } from '../../admin/warning.ts';
import type { CoatcheckError } from '../../bundle/index.ts';
import type { Endorsement } from '../../protocol/endorsement.ts';
import { fail, hasCode } from '../../protocol/errors.ts';
import type { ConsentFlags } from '../confirm.ts';
import type { Context } from '../context.ts';
import { defaultExpires } from '../default-expires.ts';
import { diffLines } from '../diff-lines.ts';
import { lookToDecide } from '../look.ts';
import { printReview, shownBy } from '../review.ts';
import type { ReviewFlags } from '../review.ts';
import { openSession } from '../session.ts';
import { statementLine } from '../../words/decisions.ts';
import { targetsOf } from '../targets.ts';
import type { Targets } from '../targets.ts';
import type { Terminal } from '../terminal.ts';
import { makeCredential } from '../tpm/make-credential.ts';
import { judge, readKnownTpms } from '../tpm/known-tpms.ts';
import { parseExpiry, when } from '../../words/time.ts';
import { objectionText, warningText } from '../../words/warnings.ts';
import { signGroups } from './approve-many.ts';
import { tellingOf } from './many.ts';
import { signAsked } from './outcome.ts';

/** What the command line says of an approval. */
export interface ApproveOptions extends ConsentFlags, ReviewFlags {
  readonly expires?: string;
  readonly reason?: string;
  readonly rebase?: boolean;
  readonly anyway?: boolean;
  readonly where?: string;
  readonly expect?: string;
}

/** `coatcheck approve NODE [DIGEST]...`: look at what nodes ask for, sign it, put it in force. */
export async function approve(
  context: Context,
  words: readonly string[],
  options: ApproveOptions,
): Promise<void> {
  const { terminal } = context;
  const reason = checkReason(options.reason ?? '');
  const usual = await defaultExpires(context.home);
  const session = await openSession(context);
  const meant = await targetsOf(session, terminal, { words, ...options }, 'approve');
  const [only] = meant.targets;
  if (meant.isOne && only !== undefined)
    return approveOne(session, terminal, only, reason, options, usual);
  if (options.rebase === true || options.anyway === true) {
    throw fail(
      'usage',
      '--rebase and --anyway are for one node: each stale proposal is another case',
    );
  }
  const wanted = withUsual(session, terminal, options, usual);
  await decide(context, session, meant, reason, wanted, {
    ...{ plan: planApproveMany, verb: 'Approve', noun: 'proposal' },
  });
}

/** With the end that this administrator usually gives, which is said, where the command line gives none. */
function withUsual(
  session: Session,
  terminal: Terminal,
  options: ApproveOptions,
  usual: string | undefined,
): ApproveOptions {
  if (options.expires !== undefined || expiresOf(session, terminal, undefined, usual) === undefined)
    return options;
  return { ...options, expires: usual! };
}

/**
 * Until when what waits is good: as the command line says, or the end that this administrator usually gives, which is
 * said. Undefined where neither gives one.
 * @throws usage
 */
export function expiresOf(
  session: Session,
  terminal: Terminal,
  asked: string | undefined,
  usual: string | undefined,
): number | 'never' | undefined {
  const text = asked ?? usual;
  if (text === undefined) return undefined;
  const end = parseExpiry(text, session.client.now());
  if (asked !== undefined) return end;
  if (end === 'never') return undefined;
  terminal.hint(`good until ${when(end)}, as site expires says; another end: --expires`);
  return end;
}

/** `coatcheck renew NODE...`: another end for what is in force. */
export async function renew(
  context: Context,
  words: readonly string[],
  options: Omit<ApproveOptions, 'rebase' | 'anyway' | 'unseen'> & {
    readonly knownTpms?: string;
  },
): Promise<void> {
  const { terminal } = context;
  const reason = checkReason(options.reason ?? '');
  const { knownTpms: list } = options;
  const tpms = list === undefined ? undefined : await readKnownTpms(list);
  const session = await openSession(context);
  const knowing = tpms && {
    makeCredential,
    judge: (endorsement: Endorsement) => judge(tpms, endorsement, session.client.now()),
  };
  const meant = await targetsOf(session, terminal, { words, ...options }, 'decide');
  const plan: typeof planRenewMany = (of, targets, wish, telling) =>
    planRenewMany(of, targets, { ...wish, ...(knowing && { knowing }) }, telling);
  await decide(context, session, meant, reason, options, {
    ...{ plan, verb: 'Renew', noun: 'approval' },
  });
}

/** Plans about each of the nodes that are meant, shows what would change, asks, and signs. */
async function decide(
  { terminal }: Context,
  session: Session,
  meant: Targets,
  reason: string,
  options: ApproveOptions,
  { plan, verb, noun }: { plan: typeof planApproveMany; verb: string; noun: string },
): Promise<void> {
  const shown = shownBy(terminal, options);
  const plans = await terminal.waiting(`looking at ${meant.targets.length} nodes`, () =>
    plan(session, meant.targets, wishOf(session, shown, reason, options), tellingOf(terminal)),
  );
  await signGroups(
    session,
    terminal,
    { ...plans, leftOut: [...meant.leftOut, ...plans.leftOut] },
    { verb, noun, flags: options, expect: meant.expect },
    shown,
  );
}

function wishOf(
  session: Session,
  { budget: _, ...shown }: ReviewOptions,
  reason: string,
  { expires, unseen = [] }: Pick<ApproveOptions, 'expires' | 'unseen'>,
): ManyWish {
  return {
    ...{ ...shown, reason, unseen: unseen.map(bundlePath) },
    ...(expires !== undefined && { expires: parseExpiry(expires, session.client.now()) }),
  };
}

async function approveOne(
  session: Session,
  terminal: Terminal,
  { node, digest: digestText }: Target,
  reason: string,
  asked: ApproveOptions,
  usual: string | undefined,
): Promise<void> {
  const standing = await lookToDecide(session, terminal, node, digestText);
  const place =
    digestText === undefined ? waitingOf(standing, asked) : findBundle(standing, digestText);
  // What was decided before keeps its end.
  const options = place.where === 'pending' ? withUsual(session, terminal, asked, usual) : asked;
  const shown = shownBy(terminal, options);
  const wish: ApproveWish = { ...shown, ...wishOf(session, shown, reason, options), place };
  const isRebase = options.rebase === true && wish.place.where === 'pending';
  const plan = isRebase
    ? await rebased(session, standing, wish)
    : await planApprove(session, standing, wish);
  if (plan.review !== undefined) await printReview(terminal, plan.review);
  if (plan.action === 'renew') printRenewal(terminal, standing, plan, session.client.now());
  else printWarnings(terminal, plan);
  demandAnyway(terminal, standing, plan, options);
  const question = isRebase
    ? `Seal this anew and approve it for ${node}?`
    : `Approve this for ${node}?`;
  await signAsked(session, terminal, plan, { question, flags: options });
}

/** What waits for a node. @throws as `findBundle`, leading on where another end was meant for what is in force */
function waitingOf(standing: Standing, { expires }: ApproveOptions): BundlePlace {
  try {
    return findBundle(standing, undefined);
  } catch (error) {
    const { inForce } = standing.history;
    const isOver = hasCode(error, 'not_found', 'already_decided');
    if (!isOver || expires === undefined || inForce === undefined || !carriesBundle(inForce)) {
      throw error;
    }
    const { code, message } = error as CoatcheckError;
    throw fail(
      code as 'not_found',
      `${message}; coatcheck renew ${standing.node} --expires ${expires} gives that another end`,
      { cause: error },
    );
  }
}

async function rebased(session: Session, standing: Standing, wish: ApproveWish): Promise<Plan> {
  try {
    return await planRebase(session, standing, wish);
  } catch (error) {
    if (!hasCode(error, 'stale_base')) throw error;
    const { message, details } = error as CoatcheckError;
    const way =
      details['conflicts'] === undefined
        ? '--anyway approves it as it is'
        : 'reject it, or approve it as it is with --anyway';
    throw fail('stale_base', `${message}: ${way}`, { cause: error, details });
  }
}

function printWarnings(terminal: Terminal, { warnings }: Plan): void {
  for (const warning of warnings) terminal.warn(warningText(warning));
}

/** What is renewed; warnings come after it. One that renews nothing is objected to. */
function printRenewal(terminal: Terminal, { history }: Standing, plan: Plan, now: number): void {
  if (history.inForce === undefined || againstAnyway(plan) !== undefined) return;
  const inForce = statementLine(statementView(history.inForce.frame, now));
  terminal.print(`this renews what is in force: ${inForce}`);
  printWarnings(terminal, plan);
}

/** What `--anyway` is needed for. */
function againstAnyway({
  objections,
}: Plan): Extract<Objection, { readonly code: 'stale_base' | 'older_bundle' }> | undefined {
  return objections.find(
    (objection) => objection.code === 'stale_base' || objection.code === 'older_bundle',
  );
}

/**
 * Says why an approval would undo something.
 * @throws stale_base unless that was asked for
 */
export function demandAnyway(
  terminal: Terminal,
  { node }: Pick<Standing, 'node'>,
  plan: Plan,
  { anyway = false }: Pick<ApproveOptions, 'anyway'>,
): void {
  const objection = againstAnyway(plan);
  if (objection === undefined) return;
  if (objection.code === 'stale_base' && objection.since !== undefined) {
    terminal.print('since it was made, this changed in what is in force:');
    for (const line of diffLines(objection.since, terminal.style)) terminal.print(`  ${line}`);
  }
  const stale = objectionText(objection);
  if (!anyway) {
    const way =
      objection.code === 'stale_base'
        ? '--rebase applies its changes to that, --anyway approves it as it is'
        : `coatcheck rollback ${node} ${objection.decision.slot} goes back to it, --anyway approves it all the same`;
    throw fail('stale_base', `${stale}: ${way}`);
  }
  terminal.warn(stale);
  if (objection.code === 'older_bundle') printWarnings(terminal, plan);
}
