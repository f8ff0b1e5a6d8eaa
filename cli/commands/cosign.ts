import { bundlePath } from '../../admin/alter.ts';
import { lookAtCosigned, planCosign } from '../../admin/cosign.ts';
import type { CosignPlan } from '../../admin/cosign.ts';
import { cosignedView, isSignedBy, signaturesText } from '../../admin/cosigned.ts';
import type { Cosigned, CosignedView } from '../../admin/cosigned.ts';
import type { Outcome } from '../../admin/decide.ts';
import { lookAt } from '../../admin/find.ts';
import { findNode, findNodeIfAny } from '../../admin/select.ts';
import { transferredFrom } from '../../admin/transfer.ts';
import type { Session } from '../../admin/session.ts';
import type { NodeId } from '../../bundle/index.ts';
import { CoatcheckError, toHex } from '../../bundle/index.ts';
import { count } from '../../protocol/count.ts';
import { codeOf, fail, hasCode } from '../../protocol/errors.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import { escapeLine } from '../../protocol/escape.ts';
import { cosignedLine } from '../../words/cosigned.ts';
import { STATEMENT_NOUNS } from '../../words/decisions.ts';
import { warningText } from '../../words/warnings.ts';
import { confirm } from '../confirm.ts';
import type { ConsentFlags } from '../confirm.ts';
import type { Context } from '../context.ts';
import { lookToDecide } from '../look.ts';
import { printAbout, printReview, shownBy } from '../review.ts';
import type { ReviewFlags } from '../review.ts';
import { sessionsOf } from '../session.ts';
import type { Terminal } from '../terminal.ts';
import { answered } from '../under-way.ts';
import { demandAnyway } from './approve.ts';
import { signTelling } from './outcome.ts';

interface Options extends ConsentFlags, ReviewFlags {
  readonly allWaiting?: boolean;
  readonly anyway?: boolean;
}

/** What came of it, as JSON has it. */
interface Done {
  readonly decisions: Outcome[];
  /** what lacks signatures still */
  undersigned: (CosignedView & { readonly node: NodeId })[];
  readonly failed: { readonly node: NodeId; readonly code: ErrorCode; readonly message: string }[];
  /** what `--all-waiting` leaves out: nothing is in force for them yet */
  readonly first: NodeId[];
  /** those of which a statement is left out whose own end has passed */
  readonly ended: NodeId[];
}

/** `coatcheck cosign NODE [DIGEST]...`: look at what others have signed, and sign it too. */
export async function cosign(
  context: Context,
  words: readonly string[],
  options: Options,
): Promise<void> {
  const { terminal } = context;
  // A server may be a minute behind, and show a keyset where one signature was enough.
  const session = await (await sessionsOf(context))();
  const isAll = options.allWaiting === true;
  if (isAll === words.length > 0) {
    throw fail(
      'usage',
      'which node? Give its id, its words or its name in force, or --all-waiting',
    );
  }
  const wanted = isAll ? await nodesCosigned(session) : await nodesNamed(session, words);
  const done: Done = { decisions: [], undersigned: [], failed: [], first: [], ended: [] };
  for (const [node, digest] of wanted) {
    try {
      await cosignOne(session, terminal, node, { ...options, digest }, done);
    } catch (error) {
      answered();
      if (
        !(error instanceof CoatcheckError) ||
        hasCode(error, 'interrupted', 'declined', 'usage')
      ) {
        throw error;
      }
      if (wanted.size === 1) {
        if (done.decisions.length > 0) terminal.document(done);
        throw error;
      }
      done.failed.push({ node, code: codeOf(error), message: error.message });
      terminal.warn(`${node}: ${escapeLine(error.message)} [${codeOf(error)}]`);
    }
  }
  terminal.document(done);
  end(terminal, done);
}

const firstsText = (nodes: readonly NodeId[]): string =>
  `${count(nodes.length, 'first approval')} ${nodes.length === 1 ? 'lacks' : 'lack'} signatures, and --all-waiting signs none: compare the words of each machine, and name it by them or by its id, as in coatcheck cosign ${nodes[0]!}`;

function end(terminal: Terminal, { decisions, undersigned, failed, first, ended }: Done): void {
  if (failed.length > 0) {
    throw fail('step_failed', `${count(failed.length, 'node')} named above could not be signed`);
  }
  if (undersigned.length > 0) {
    const [only, ...more] = undersigned;
    const what =
      more.length === 0
        ? `${only!.type} of ${only!.node} has ${signaturesText(only!)}`
        : `${undersigned.length} decisions lack signatures`;
    throw fail('undersigned', what);
  }
  if (decisions.length > 0) return;
  if (ended.length > 0) {
    throw fail(
      'expired',
      `nothing was signed: what was left out above has ended (${ended.join(', ')}); another with a later end is to be made, as by coatcheck renew ${ended[0]!} --expires 90d`,
    );
  }
  if (first.length === 0) terminal.hint('nothing lacks a signature');
  else throw fail('undersigned', firstsText(first));
}

/** Nodes, and of each the digest of the statement that is meant, or its beginning; undefined where none is named. */
type Wanted = ReadonlyMap<NodeId, string | undefined>;

async function nodesCosigned(session: Session): Promise<Wanted> {
  const nodes = new Map<NodeId, undefined>();
  for await (const { parsed } of session.list('cosign')) {
    if (parsed.prefix === 'cosign') nodes.set(parsed.node, undefined);
  }
  return nodes;
}

/**
 * A word of hexadecimal digits behind a node is a digest where a statement about that node begins so, or where
 * it has all 64 (docs/adr/0227).
 * @throws usage where it names a node as well, and as `findNode`
 */
async function nodesNamed(session: Session, words: readonly string[]): Promise<Wanted> {
  const wanted = new Map<NodeId, string | undefined>();
  let before: NodeId | undefined;
  for (const word of words) {
    if (before !== undefined && (await isDigestOf(session, before, word))) {
      wanted.set(before, word);
      before = undefined;
      continue;
    }
    before = await findNode(session, word, 'approve');
    if (!wanted.has(before)) wanted.set(before, undefined);
  }
  return wanted;
}

async function isDigestOf(session: Session, node: NodeId, word: string): Promise<boolean> {
  if (!/^[0-9a-f]{1,64}$/.test(word)) return false;
  if (word.length === 64) return true;
  const all = await lookAtCosigned(session, await lookAt(session, node));
  if (!all.some(({ signed }) => toHex(signed.digest).startsWith(word))) return false;
  const other = await findNodeIfAny(session, word, 'approve');
  if (other === undefined) return true;
  throw fail(
    'usage',
    `${word} is the beginning of a statement about ${node}, and names node ${other} too: give more of it`,
  );
}

async function cosignOne(
  session: Session,
  terminal: Terminal,
  node: NodeId,
  options: Options & { readonly digest: string | undefined },
  done: Done,
): Promise<void> {
  const standing = await lookToDecide(session, terminal, node);
  const all = named(session, node, await lookAtCosigned(session, standing), options.digest);
  const { threshold } = session.keyset;
  const isDone = (signed: (typeof all)[number]['signed']): boolean =>
    isSignedBy(signed, session.keyIndex) && signed.signatures.length < threshold;
  for (const one of all.filter(({ isVoid }) => isVoid)) {
    terminal.warn(cosignedLine(node, cosignedView(session, one)));
  }
  const open = all.filter(({ isVoid }) => !isVoid);
  for (const one of open.filter(({ signed }) => isDone(signed))) {
    const view = cosignedView(session, one);
    terminal.print(`you signed: ${cosignedLine(node, view)}`);
    done.undersigned.push({ node, ...view });
  }
  const wanted = open.filter(({ signed }) => !isDone(signed));
  if (wanted.length > 1 && (options.yes === true || !terminal.interactive || terminal.json)) {
    throw fail(
      'cosigned',
      `${wanted.length} decisions about ${node} lack signatures, and one of them can be made: name its statement (coatcheck cosign ${node} DIGEST), or be asked about each on a terminal, without --yes: ${candidates(session, node, wanted)}`,
    );
  }
  const ended = all.find(({ hasEnded }) => hasEnded);
  if (open.length === 0 && ended !== undefined) {
    if (options.allWaiting === true) done.ended.push(node);
    else await planCosign(session, standing, ended, { showSecrets: false, stat: true });
  }
  if (open.length === 0 && options.allWaiting !== true) {
    const what = options.digest === undefined ? 'nothing' : 'no such statement';
    throw fail('not_found', `${what} about ${node} lacks a signature`);
  }
  for (const one of wanted) {
    const isFirst =
      one.signed.statement.type === 'approve' && standing.history.inForce === undefined;
    if (isFirst && options.allWaiting === true) {
      terminal.warn(
        `left out ${node}: nothing is in force for it yet; compare its words, and name it by them or by its id`,
      );
      done.first.push(node);
      continue;
    }
    const shown = shownBy(terminal, options);
    const unseen = (options.unseen ?? []).map(bundlePath);
    const plan = await planCosign(session, standing, one, { ...shown, unseen });
    await show(terminal, plan);
    demandAnyway(terminal, standing, plan, options);
    const question = `Sign this ${STATEMENT_NOUNS[plan.cosigned.type]} of ${node}, too?`;
    try {
      await confirm(plan.objections, terminal, question, options);
    } catch (error) {
      // Who wants another one of them says no to this.
      if (!hasCode(error, 'declined') || one === wanted.at(-1)) throw error;
      continue;
    }
    if (!(await signed(session, terminal, plan, done))) continue;
    // What else was signed about it, by this one too, is void now.
    done.undersigned = done.undersigned.filter((other) => other.node !== node);
    return;
  }
}

/** Those of the statements that a digest names, or all. @throws not_found, usage */
function named(
  session: Session,
  node: NodeId,
  all: readonly Cosigned[],
  digest: string | undefined,
): readonly Cosigned[] {
  if (digest === undefined) return all;
  const found = all.filter(({ signed }) => toHex(signed.digest).startsWith(digest));
  if (found.length === 1) return found;
  if (found.length > 1) {
    throw fail(
      'usage',
      `${found.length} statements about ${node} begin with ${digest}: ${candidates(session, node, found)}`,
    );
  }
  const others = all.length === 0 ? 'none lies there' : candidates(session, node, all);
  throw fail('not_found', `no statement about ${node} has the digest ${digest}: ${others}`);
}

const candidates = (session: Session, node: NodeId, all: readonly Cosigned[]): string =>
  all.map((one) => cosignedLine(node, cosignedView(session, one))).join('; ');

/** @returns whether it is decided: then what else was signed about the node is void */
async function signed(
  session: Session,
  terminal: Terminal,
  plan: CosignPlan,
  done: Done,
): Promise<boolean> {
  try {
    await signTelling(session, terminal, plan, done.decisions);
    const { node, cosigned } = plan;
    const old = cosigned.type === 'approve' ? transferredFrom(cosigned.reason) : undefined;
    if (old !== undefined) {
      terminal.hint(
        `it has what ${old} had, which works until it is revoked: coatcheck transfer ${old} ${node}`,
      );
    }
    return true;
  } catch (error) {
    if (!hasCode(error, 'undersigned')) throw error;
    answered();
    const { cosigned, node } = plan;
    const own = session.keyset.keys[session.keyIndex]!.name;
    const view: CosignedView = {
      ...cosigned,
      signedBy: [...cosigned.signedBy, own],
      open: cosigned.open.filter((name) => name !== own),
      lacking: cosigned.lacking - 1,
    };
    terminal.print(`${terminal.style.green('signed')} ${cosignedLine(node, view)}`);
    done.undersigned.push({ node, ...view });
    return false;
  }
}

async function show(terminal: Terminal, plan: CosignPlan): Promise<void> {
  if (plan.review !== undefined) await printReview(terminal, plan.review);
  else if (plan.refused !== undefined) printAbout(terminal, plan.refused);
  for (const warning of plan.warnings) terminal.warn(warningText(warning));
  const { node, cosigned } = plan;
  terminal.print(`${terminal.style.bold('to sign')} ${cosignedLine(node, cosigned)}`);
  terminal.print(`${terminal.style.dim('reason'.padEnd(10))} ${escapeLine(cosigned.reason)}`);
}
