import { createFleetReader } from '../../admin/fleet.ts';
import { selectNodes } from '../../admin/select.ts';
import { claimsOf, STATES, WRONG } from '../../admin/views/status.ts';
import type { State, StatusNote, StatusView } from '../../admin/views/status.ts';
import { count } from '../../protocol/count.ts';
import { fail } from '../../protocol/errors.ts';
import { escapeLine } from '../../protocol/escape.ts';
import type { Context } from '../context.ts';
import { openSession } from '../session.ts';
import { decidedBy } from '../statement-line.ts';
import { table } from '../table.ts';
import type { Style } from '../terminal.ts';
import { when } from '../time.ts';
import { problemText } from '../words.ts';

/** What the command line says of it. */
export interface StatusOptions {
  readonly where?: string;
  readonly sort: string;
  readonly exitCode?: boolean;
}

/** `coatcheck status [FILTER...]`: every node, and how it stands. */
export async function status(
  context: Context,
  texts: readonly string[],
  options: StatusOptions,
): Promise<void> {
  const { terminal } = context;
  const session = await openSession(context);
  const fleet = await terminal.waiting('looking at every node', () =>
    createFleetReader(session).look(),
  );
  const wanted = { nodes: texts, where: options.where };
  const { views } = selectNodes(fleet, wanted, 'show', session.client.now());
  const nodes = [...views].sort(ORDERS[options.sort]);
  terminal.document({ nodes });
  if (nodes.length === 0)
    terminal.hint(fleet.length === 0 ? 'there is no node yet' : 'no node is so');
  else printNodes(nodes);
  if (options.exitCode === true) demandQuiet(nodes);

  function printNodes(shown: readonly StatusView[]): void {
    const { style } = terminal;
    const head = ['NODE', 'NAME', 'STATE', 'SINCE', 'IN FORCE', 'THE MACHINE SAYS'];
    const rows = shown.map((view) => cells(view, style));
    const [title, ...lines] = table([head.map(style.dim), ...rows]);
    terminal.print(title);
    lines.forEach((line, i) => {
      terminal.print(line);
      const { words, notes, states } = shown[i]!;
      if (states.includes('waiting')) terminal.print(style.dim(`  ${words}`));
      for (const note of notes) terminal.print(style.yellow(`  ${noteText(note)}`));
    });
  }
}

type Order = (a: StatusView, b: StatusView) => number;

const byText = (a: string, b: string): number => (a === b ? 0 : a < b ? -1 : 1);
const rank = ({ states }: StatusView): number => STATES.indexOf(states[0] as State);
const nameOf = (view: StatusView): string => view.name ?? claimsOf(view)[0] ?? '';

/** What is equal stays by id, so that a second look has the same order. */
const ORDERS: Readonly<Record<string, Order>> = {
  node: (a, b) => byText(a.node, b.node),
  name: (a, b) => byText(nameOf(a), nameOf(b)),
  state: (a, b) => rank(a) - rank(b) || byText(nameOf(a), nameOf(b)),
  since: (a, b) => (a.since ?? Infinity) - (b.since ?? Infinity),
};

function cells(view: StatusView, style: Style): string[] {
  const { node, name, states, since, decision, problem } = view;
  const [claim] = claimsOf(view);
  const paint = states.some((state) => WRONG.includes(state))
    ? style.red
    : states.includes('waiting')
      ? style.yellow
      : style.green;
  const inForce =
    decision === undefined
      ? problem === undefined
        ? '-'
        : problemText(problem)
      : [
          `${decision.type} (seq ${decision.seq}) by ${escapeLine(decidedBy(decision))}`,
          ...(decision.expires === undefined ? [] : [`until ${when(decision.expires)}`]),
        ].join(', ');
  return [
    node,
    name === undefined
      ? claim === undefined
        ? '-'
        : `claims ${escapeLine(claim)}`
      : escapeLine(name),
    paint(states.join(', ')),
    since === undefined ? '-' : when(since),
    inForce,
    machineText(view),
  ];
}

/** All of it is the machine's word but when it was stored. */
function machineText({ machine }: StatusView): string {
  if (machine === undefined) return '-';
  const stored = `stored ${when(machine.stored)}`;
  if ('problem' in machine) return `${problemText(machine.problem)} (${stored})`;
  const times = `at ${when(machine.time)}, ${stored}`;
  const older = machine.isOlder ? ', older than one seen before' : '';
  return `${escapeLine(machine.result)} (${times}${older})`;
}

function noteText(note: StatusNote): string {
  const name = escapeLine(note.name);
  switch (note.code) {
    case 'name_in_force':
      return `what waits claims ${name}, which is in force for ${note.nodes.join(', ')}`;
    case 'name_claimed':
      return `${name} is claimed as well by ${note.nodes.join(', ')}`;
    case 'name_twice':
      return `${name} is in force as well for ${note.nodes.join(', ')}`;
    case 'maybe_new_key':
      return `${note.node} with a new key, or another that says so: somebody who knows the machine has to find out which`;
  }
}

/** @throws probe_failed where something is wrong, else waiting where something waits */
function demandQuiet(nodes: readonly StatusView[]): void {
  const tally = (states: readonly State[]): readonly StatusView[] =>
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
