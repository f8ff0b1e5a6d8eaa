import { setImmediate } from 'node:timers/promises';
import { createFleetReader } from '../admin/fleet.ts';
import type { Fleet } from '../admin/fleet.ts';
import { createLookout } from '../admin/lookout.ts';
import type { Session } from '../admin/session.ts';
import { STATES } from '../admin/views/states.ts';
import type { StatusView } from '../admin/views/status.ts';
import type { NodeId } from '../bundle/index.ts';
import { count } from '../protocol/count.ts';
import { codeOf, fail, hasCode, mayPass } from '../protocol/errors.ts';
import { escapeLine } from '../protocol/escape.ts';
import type { Context } from './context.ts';
import { fold } from './fold.ts';
import { openNotifying, statusEvents } from './notify.ts';
import type { NotifyFlags } from './notify.ts';
import type { Picture } from './screen.ts';
import { openSession } from './session.ts';
import { statusLines } from './status-table.ts';
import type { ColumnName, TableOptions } from './status-table.ts';
import type { Terminal } from './terminal.ts';
import { messageOf } from '../words/message.ts';
import { when } from '../words/time.ts';
import { isReadNoMore } from './under-way.ts';

/** While much is read a picture is made so often at most: each is made of every node. */
const REDRAW_MILLISECONDS = 500;

/** What is shown, and as of when. */
interface Shown {
  readonly nodes: readonly StatusView[];
  /** how many objects are still to be read */
  readonly left: number;
  /** why the last look failed */
  readonly error?: unknown;
}

/** Where what was seen goes. */
interface Watcher {
  readonly show: (shown: Shown) => void;
  /** Told while a look goes on. @param soFar makes what is known so far */
  readonly progress?: (soFar: () => Shown) => void;
  readonly close: () => void;
}

/**
 * Looks at the nodes until the process is ended, again as soon as something else waits: on the whole terminal, or in JSON mode
 * in lines with what changed. A look that fails for a reason that may pass is said, and the next one
 * follows.
 * @throws usage where there is neither a terminal nor JSON mode; otherwise as a first look does
 */
export async function watchNodes(
  context: Context,
  names: readonly ColumnName[],
  choose: (session: Session, fleet: readonly StatusView[]) => readonly StatusView[],
  flags: NotifyFlags,
): Promise<void> {
  const { terminal } = context;
  const warnings = new Set<string>();
  // What is said while the screen is ours would stand in the middle of it.
  const quiet: Terminal = {
    ...terminal,
    warn: (line) => void warnings.add(line),
    waiting: (_, work) => work(),
  };
  const session = await openSession({ ...context, terminal: quiet });
  const reader = createFleetReader(session);
  const lookout = createLookout(session.client);
  const notifying = await openNotifying({ ...context, terminal: quiet }, session.site, flags);
  const watcher = terminal.json
    ? inLines(terminal, warnings)
    : (onScreen(terminal, names, warnings, () => session.client.now()) ??
      (notifying === undefined ? demandTerminal() : unseen(terminal, warnings)));
  let shown: Shown | undefined;
  try {
    while (!isReadNoMore()) {
      // Asked before what it tells of is looked at: what comes in between is news at the next time.
      await lookout.wait();
      try {
        const onProgress = ({ views, left }: Fleet): void => {
          watcher.progress?.(() => ({ nodes: choose(session, views()), left }));
        };
        const fleet = await reader.look({ onProgress });
        shown = { nodes: choose(session, fleet), left: 0 };
      } catch (error) {
        if (shown === undefined || !mayPass(codeOf(error))) throw error;
        shown = { ...shown, error };
      }
      watcher.show(shown);
      if (shown.error === undefined) notifying?.saw(statusEvents(shown.nodes, session.site));
      await setImmediate();
    }
  } finally {
    watcher.close();
    await notifying?.stop();
  }
}

/**
 * Every line is one JSON object: `{"nodes": [...], "gone": [...]}` with the nodes that are new or changed, all of
 * them at first, and the ids of those that are not among the chosen any more; `{"error": ...}`; `{"warnings": [...]}`.
 */
function inLines({ record }: Terminal, warnings: ReadonlySet<string>): Watcher {
  let before: ReadonlyMap<NodeId, string> | undefined;
  let [failed, warned] = ['', 0];
  return {
    show: ({ nodes, error }) => {
      if (warnings.size > warned) record({ warnings: [...warnings].slice(warned) });
      warned = warnings.size;
      const said = error === undefined ? '' : messageOf(error);
      if (said !== failed && error !== undefined) {
        record({ error: { code: codeOf(error), message: said } });
      }
      failed = said;
      if (error !== undefined) return;
      const now = new Map(nodes.map((view) => [view.node, JSON.stringify(view)]));
      const changed = nodes.filter(({ node }) => before?.get(node) !== now.get(node));
      const gone = [...(before?.keys() ?? [])].filter((node) => !now.has(node));
      if (before === undefined || changed.length + gone.length > 0)
        record({ nodes: changed, gone });
      before = now;
    },
    close: () => undefined,
  };
}

/** @throws usage */
function demandTerminal(): never {
  throw fail('usage', '--watch draws on a terminal: where there is none, give --json as well');
}

/** Nothing is shown where others are told: only what somebody should worry about. */
function unseen({ warn }: Terminal, warnings: ReadonlySet<string>): Watcher {
  let warned = 0;
  let failed = '';
  return {
    show: ({ error }) => {
      for (const line of [...warnings].slice(warned)) warn(line);
      warned = warnings.size;
      const said = error === undefined ? '' : messageOf(error);
      if (said !== '' && said !== failed) warn(escapeLine(said));
      failed = said;
    },
    close: () => undefined,
  };
}

/** Undefined where there is no terminal that can be drawn on. */
function onScreen(
  terminal: Terminal,
  names: readonly ColumnName[],
  warnings: ReadonlySet<string>,
  now: () => number,
): Watcher | undefined {
  const screen = terminal.screen();
  if (screen === undefined) return undefined;
  let drawn = 0;
  const show = (shown: Shown): void => {
    drawn = performance.now();
    screen.draw(pictureOf(shown, { names, warnings, style: terminal.style, time: now() }));
  };
  return {
    show,
    progress: (soFar) => {
      if (performance.now() - drawn < REDRAW_MILLISECONDS) return;
      try {
        show(soFar());
      } catch (error) {
        // A name that is not read yet names nobody so far.
        if (!hasCode(error, 'not_found', 'usage')) throw error;
      }
    },
    close: () => {
      screen.close();
      for (const line of warnings) terminal.warn(line);
    },
  };
}

interface PictureOptions extends Pick<TableOptions, 'names' | 'style'> {
  readonly warnings: ReadonlySet<string>;
  /** unix seconds */
  readonly time: number;
}

/** As many nodes as there is room for, each with all its lines but a first that alone is too high, and what is more. */
const pictureOf =
  ({ nodes, left, error }: Shown, { names, style, warnings, time }: PictureOptions): Picture =>
  ({ columns, rows }) => {
    const { head, blocks } = statusLines(nodes, { names, style, columns });
    const foot = [
      ...[...warnings].map((line) => style.yellow(`warning: ${escapeLine(line)}`)),
      ...(error === undefined
        ? []
        : [style.red(`not looked at since, and tried again: ${escapeLine(messageOf(error))}`)]),
      style.dim(`${tally(nodes)}, ${left > 0 ? `${left} objects to read` : `at ${when(time)}`}`),
    ].flatMap((line) => fold(line, columns));
    const room = rows - head.length - foot.length;
    const body: string[] = [];
    let fits = 0;
    for (const block of blocks) {
      const folded = block.flatMap((line) => fold(line, columns));
      const isLast = fits === blocks.length - 1;
      if (body.length + folded.length > room - (isLast ? 0 : 1)) break;
      body.push(...folded);
      fits++;
    }
    // A first one that is higher than the terminal would push out what stands below it.
    const tooHigh = fits > 0 ? [] : (blocks[0] ?? []).flatMap((line) => fold(line, columns));
    body.push(...tooHigh.splice(0, Math.max(1, room - 1)));
    const hidden = nodes.length - Math.max(1, fits);
    const more = [
      ...(tooHigh.length > 0 ? [`${count(tooHigh.length, 'more line')} about it`] : []),
      ...(hidden > 0 ? [`${count(hidden, 'node')} more`] : []),
    ].join(', and ');
    return [
      ...(nodes.length === 0 ? ['no node is so'] : [...head, ...body]),
      ...(more === '' ? [] : [style.dim(`and ${more}`)]),
      ...foot,
    ];
  };

function tally(nodes: readonly StatusView[]): string {
  const counts = STATES.map((state) => [
    state,
    nodes.filter(({ states }) => states.includes(state)).length,
  ]).filter(([, number]) => number !== 0);
  const said = counts.map(([state, number]) => `${state} ${number}`).join(', ');
  return said === '' ? count(nodes.length, 'node') : `${count(nodes.length, 'node')}: ${said}`;
}
