import { createFleetReader } from '../../admin/fleet.ts';
import { selectNodes } from '../../admin/select.ts';
import type { Session } from '../../admin/session.ts';
import { ORDERS } from '../../admin/views/order.ts';
import { WRONG } from '../../admin/views/states.ts';
import type { State } from '../../admin/views/states.ts';
import type { StatusView } from '../../admin/views/status.ts';
import { count } from '../../protocol/count.ts';
import { fail } from '../../protocol/errors.ts';
import type { Context } from '../context.ts';
import type { NotifyFlags } from '../notify.ts';
import { openSession } from '../session.ts';
import { DEFAULT_COLUMNS, parseColumns, statusLines } from '../status-table.ts';
import { monitorStatus } from './monitor.ts';
import { watchNodes } from '../watch.ts';

/** What the command line says of it. */
export interface StatusOptions extends NotifyFlags {
  readonly where?: string;
  readonly sort: string;
  readonly columns?: string;
  readonly watch?: boolean;
  readonly exitCode?: boolean;
  readonly capability?: string;
}

/** `coatcheck status [FILTER...]`: every node, and how it stands. */
export async function status(
  context: Context,
  texts: readonly string[],
  options: StatusOptions,
): Promise<void> {
  const { terminal } = context;
  if (options.watch !== true && options.notifyUrl.length + options.notifyCommand.length > 0) {
    throw fail('usage', 'who is to be notified is told while --watch looks: give that as well');
  }
  if (options.capability !== undefined) {
    if (texts.length > 0)
      throw fail('usage', 'with --capability all nodes are shown: give no filter');
    const nodes = await monitorStatus(context, options.capability);
    if (options.exitCode === true) demandQuiet(nodes);
    return;
  }
  const names = options.columns === undefined ? DEFAULT_COLUMNS : parseColumns(options.columns);
  const wanted = { nodes: texts, where: options.where };
  const choose = (session: Session, fleet: readonly StatusView[]): readonly StatusView[] =>
    [...selectNodes(fleet, wanted, 'show', session.client.now()).views].sort(ORDERS[options.sort]);
  if (options.watch === true) {
    await watchNodes(context, names, choose, options);
    return;
  }
  const session = await openSession(context);
  const fleet = await terminal.waiting('looking at every node', () =>
    createFleetReader(session).look(),
  );
  const nodes = choose(session, fleet);
  terminal.document({ nodes });
  if (nodes.length === 0) {
    terminal.hint(fleet.length === 0 ? 'there is no node yet' : 'no node is so');
  } else {
    const { style, columns } = terminal;
    const { head, blocks } = statusLines(nodes, { names, style, columns });
    for (const line of [...head, ...blocks.flat()]) terminal.print(line);
  }
  if (options.exitCode === true) demandQuiet(nodes);
}

/** @throws probe_failed where something is wrong, else waiting where something waits */
function demandQuiet(nodes: readonly Pick<StatusView, 'states'>[]): void {
  const tally = (states: readonly State[]): typeof nodes =>
    nodes.filter((view) => view.states.some((state) => states.includes(state)));
  const wrong = tally(WRONG);
  if (wrong.length > 0) {
    const found = WRONG.filter((state) => tally([state]).length > 0);
    const said = found.map((state) => `${state} ${tally([state]).length}`).join(', ');
    throw fail('probe_failed', `something is wrong with ${count(wrong.length, 'node')}: ${said}`);
  }
  const waits = tally(['waiting']);
  if (waits.length > 0) {
    const verb = waits.length === 1 ? 'waits' : 'wait';
    throw fail('waiting', `${count(waits.length, 'node')} ${verb} for a decision`);
  }
}
