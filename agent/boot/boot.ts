import { CoatcheckError } from '../../bundle/errors.ts';
import { codeOf, ERRORS, fail, hasCode } from '../../protocol/errors.ts';
import type { DigestHex } from '../../protocol/keys.ts';
import type { Applied } from '../apply/apply.ts';
import type { Skipped } from '../apply/capture.ts';
import { formatTime } from '../console/console.ts';
import { install, isOrder, obstacleTo, tellApplied, tellDecision } from '../apply/install.ts';
import type { Node } from '../node.ts';
import { propose } from './propose.ts';
import { sendReport } from './report.ts';
import type { Servers } from './servers.ts';
import { createSource } from './source.ts';
import type { Decision, Source } from './source.ts';
import type { Patience } from './wait.ts';
import { createWaitNotes } from './waiting.ts';

export interface BootOptions {
  /** Propose this machine's configuration where nothing is approved yet. */
  readonly propose: boolean;
  readonly patience: Patience;
  readonly token?: string | undefined;
  readonly onSkipped?: (skipped: readonly Skipped[]) => void;
}

export interface Booted {
  readonly decision: Decision;
  readonly applied: Applied;
  readonly reported: boolean;
}

/**
 * Fetches, verifies and applies this machine's configuration: two requests where one is approved.
 * Where none is, proposes one and waits. Nothing is ever applied but what verified, and a server
 * that is absent, silent or lying is waited for like an administrator (docs/adr/0052).
 *
 * @throws once patience ends, why it still waited: nothing_approved, rejected, revoked, expired,
 *   rollback_refused, or what fetching failed with; at once what waiting cannot help
 */
export async function boot(node: Node, servers: Servers, options: BootOptions): Promise<Booted> {
  const context = { node, servers, source: createSource(node, servers), options };
  const note = createWaitNotes(node.console, node.now);
  let wait: Wait | undefined;
  for (;;) {
    const step = await next(context, wait);
    if ('install' in step) return await finish(node, servers, step.install);
    wait = step.wait;
    if (step.soon === true) continue;
    if (options.patience.isOver()) throw step.why;
    note(step.why);
    await options.patience.pause();
  }
}

interface Context {
  readonly node: Node;
  readonly servers: Servers;
  readonly source: Source;
  readonly options: BootOptions;
}

/** A proposal that this machine waits for. */
interface Wait {
  readonly digest: DigestHex;
  /** Where it was sent by this boot: unix seconds */
  readonly since?: number;
  /** The decision that refused it */
  readonly refused?: Decision;
}

type Step =
  | { readonly install: Decision }
  | { readonly why: CoatcheckError; readonly wait?: Wait | undefined; readonly soon?: boolean };

/** One look, and what follows from it. */
async function next(context: Context, wait: Wait | undefined): Promise<Step> {
  const { node, source, options } = context;
  const look = await source.inForce(wait?.digest);
  if (look.state === 'failed') return { why: look.error, wait };
  const inForce = look.state === 'found' ? look.decision : undefined;
  const obstacle = inForce && obstacleTo(node, inForce);
  if (inForce !== undefined && obstacle === undefined) return { install: inForce };
  if (obstacle !== undefined && !isOrder(inForce)) return { why: obstacle, wait };

  // Nothing was ever decided, or a new configuration was ordered.
  if (wait === undefined || isAnswered(wait, inForce)) {
    if (!options.propose) return { why: obstacle ?? nothingYet(node) };
    return await proposeAnew(context, inForce);
  }
  if (wait.refused !== undefined) return { why: refused(wait.digest, wait.refused), wait };
  const rejection = await source.rejection(wait.digest);
  if (rejection.state === 'failed') return { why: rejection.error, wait };
  if (rejection.state === 'nothing') return { why: waiting(node, wait), wait };
  const { decision } = rejection;
  return { why: refused(wait.digest, decision), wait: { ...wait, refused: decision } };
}

/** After the refusal, a new configuration was ordered. */
function isAnswered({ refused }: Wait, inForce: Decision | undefined): boolean {
  return (
    refused !== undefined &&
    isOrder(inForce) &&
    inForce.frame.statement.seq > refused.frame.statement.seq
  );
}

async function proposeAnew(context: Context, inForce: Decision | undefined): Promise<Step> {
  const { node, options } = context;
  try {
    const { token, onSkipped } = options;
    const hears = onSkipped && { onSkipped };
    const proposal = await propose({ ...context, inForce, token, ...hears });
    if (proposal.state === 'unchanged') return { why: nothingYet(node) };
    if (proposal.state === 'empty') return { why: nothingAtAll(node) };
    if (proposal.state === 'rejected') {
      const wait = { digest: proposal.digest, refused: proposal.rejection };
      return { why: refused(proposal.digest, proposal.rejection), wait };
    }
    const sent = proposal.state !== 'waiting';
    const wait = { digest: proposal.digest, ...(sent && { since: node.now() }) };
    return { why: waiting(node, wait), wait, soon: proposal.state === 'accepted' };
  } catch (error) {
    // Decided while it was being sent: the next look shows it.
    const stop = ERRORS[codeOf(error)].node === 'stop' && !hasCode(error, 'already_decided');
    if (stop || !isOurs(error)) throw error;
    return { why: error };
  }
}

async function finish(node: Node, servers: Servers, decision: Decision): Promise<Booted> {
  let applied: Applied;
  try {
    applied = install(node, decision);
  } catch (error) {
    await sendReport(node, servers, decision, `not applied: ${codeOf(error)}`);
    throw error;
  }
  const reported = await sendReport(node, servers, decision, `applied: ${tellApplied(applied)}`);
  return { decision, applied, reported };
}

function nothingYet({ identity }: Node): CoatcheckError {
  return fail('nothing_approved', `nothing is approved for machine ${identity.id} yet`);
}

function nothingAtAll({ identity, rootPath }: Node): CoatcheckError {
  const said = `nothing is approved for machine ${identity.id} yet, and ${rootPath} holds nothing to propose`;
  return fail('nothing_approved', said);
}

function waiting({ identity }: Node, { digest, since }: Wait): CoatcheckError {
  const when = since === undefined ? 'sent before' : `sent ${formatTime(since)}`;
  const said = `machine ${identity.id} waits for an administrator to approve ${digest}, ${when}`;
  return fail('nothing_approved', said, { details: { node: identity.id, digest } });
}

function refused(digest: DigestHex, { frame }: Decision): CoatcheckError {
  const said = `the proposal ${digest} was refused: ${tellDecision(frame)}`;
  return fail('rejected', said, { details: { digest } });
}

const isOurs = (error: unknown): error is CoatcheckError => error instanceof CoatcheckError;
