import { planForget } from '../../admin/forget.ts';
import type { Forgettable } from '../../admin/forget.ts';
import type { LeftOut } from '../../admin/many.ts';
import type { Session } from '../../admin/session.ts';
import { CoatcheckError } from '../../bundle/index.ts';
import { count } from '../../protocol/count.ts';
import { codeOf, fail, mayPass } from '../../protocol/errors.ts';
import { escapeLine } from '../../protocol/escape.ts';
import { digestHex } from '../../protocol/keys.ts';
import { leftOutText } from '../../words/left-out.ts';
import { when } from '../../words/time.ts';
import { confirm, confirmNumber } from '../confirm.ts';
import type { Context } from '../context.ts';
import { nextInterrupt } from '../interrupt.ts';
import { openSession } from '../session.ts';
import { table } from '../table.ts';
import { targetsOf } from '../targets.ts';
import type { Terminal } from '../terminal.ts';
import { printLeftOut, tellingOf } from './many.ts';

/** `coatcheck forget NODE...`: of revoked nodes only the decisions stay. */
export async function forget(
  context: Context,
  words: readonly string[],
  options: { readonly yes?: boolean; readonly where?: string; readonly expect?: string },
): Promise<void> {
  const { terminal } = context;
  const session = await openSession(context);
  const meant = await targetsOf(session, terminal, { words, ...options }, 'decide');
  const plans = await terminal.waiting(`looking at ${count(meant.targets.length, 'node')}`, () =>
    planForget(session, meant.targets, tellingOf(terminal)),
  );
  const { planned } = plans;
  const leftOut = [...meant.leftOut, ...plans.leftOut];
  printRows(terminal, planned);
  printLeftOut(terminal, leftOut);
  const total = planned.length;
  if (meant.expect !== undefined && meant.expect !== total) {
    throw fail('usage', `--expect says ${meant.expect}, and ${total} are meant: nothing was done`);
  }
  if (total > 0) await ask(terminal, total, { ...options, expect: meant.expect });
  await forgetEach(session, terminal, planned, leftOut);
}

function printRows(terminal: Terminal, nodes: readonly Forgettable[]): void {
  if (nodes.length === 0) return;
  const head = ['NODE', 'REVOKED', 'REASON', 'CONFIGURATIONS', 'WAITING'];
  const rows = nodes.map(({ node, revoke, bundles, waiting }) => [
    ...[node, when(revoke.frame.statement.issued), escapeLine(revoke.frame.statement.reason)],
    ...[String(bundles), String(waiting)],
  ]);
  for (const line of table([head.map(terminal.style.dim), ...rows])) terminal.print(line);
  terminal.print(
    'every configuration, proposal, refusal and report of it goes, for ever; the decisions stay',
  );
}

async function ask(
  terminal: Terminal,
  total: number,
  flags: { readonly yes?: boolean; readonly expect?: number | undefined },
): Promise<void> {
  if (total === 1) await confirm([], terminal, 'Forget this node?', flags);
  else {
    const message = `Forget ${count(total, 'node')}? Type their number`;
    await confirmNumber([], terminal, message, total, flags);
  }
}

async function forgetEach(
  session: Session,
  terminal: Terminal,
  nodes: readonly Forgettable[],
  leftOut: readonly LeftOut[],
): Promise<void> {
  const stop = { isWanted: false };
  void nextInterrupt().then(() => {
    stop.isWanted = true;
    terminal.hint('stopping: what is under way is waited for');
  });
  const forgotten: unknown[] = [];
  const failed: unknown[] = [];
  let tried = 0;
  for (const { node, revoke } of nodes) {
    if (stop.isWanted) break;
    tried++;
    try {
      const head = digestHex(revoke.frame.statementDigest);
      const done = await terminal.waiting(`${tried} of ${nodes.length}`, () =>
        session.client.forget(node, head),
      );
      forgotten.push({ node, ...done });
      terminal.print(
        `${terminal.style.green('forgotten')} ${node}: ${count(done.slots.length, 'configuration')}, ${count(done.removed.length, 'other object')}`,
      );
      if (done.junk.length > 0) {
        terminal.warn(
          `${node}: ${count(done.junk.length, 'slot')} of its history holds what is no decision, and what is in there stays`,
        );
      }
    } catch (error) {
      if (!(error instanceof CoatcheckError)) throw error;
      const code = codeOf(error);
      failed.push({ node, code, message: error.message });
      terminal.print(
        `${terminal.style.red('failed')} ${node}: ${escapeLine(error.message)} [${code}]`,
      );
      if (mayPass(code)) break;
    }
  }
  const untried = nodes.slice(tried).map(({ node }) => node);
  terminal.document({
    ...{ forgotten, failed, untried },
    leftOut: leftOut.map((one) => ({ node: one.node, ...leftOutText(one) })),
  });
  const again = 'the same command again goes on';
  if (stop.isWanted && untried.length > 0) {
    throw fail('interrupted', `interrupted: ${untried.length} were not tried; ${again}`);
  }
  const missed = failed.length + untried.length + leftOut.filter(isMissed).length;
  if (missed > 0) {
    throw fail('step_failed', `${forgotten.length} forgotten, and ${missed} not; ${again}`);
  }
}

const isMissed = ({ why }: LeftOut): boolean => why.code !== 'same' && why.code !== 'first';
