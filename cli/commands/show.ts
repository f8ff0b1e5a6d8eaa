import { showPath } from '../../bundle/errors.ts';
import { showSetting } from '../../bundle/settings.ts';
import type { FileEntry } from '../../bundle/index.ts';
import { escapeLine } from '../../protocol/escape.ts';
import type { History } from '../../protocol/history.ts';
import { compareSettings } from '../../admin/changes.ts';
import { maskSetting } from '../../admin/diff-view.ts';
import type { OpenedBundle } from '../../admin/open.ts';
import { octal } from '../../admin/octal.ts';
import { machinePaths } from '../../admin/traits.ts';
import { bundleFacts } from '../../admin/views/bundle.ts';
import { lookAtCosigned } from '../../admin/cosign.ts';
import { cosignedView } from '../../admin/cosigned.ts';
import { findNodeOrProposal, nodeState } from '../../admin/views/state.ts';
import type { StateView } from '../../admin/views/state.ts';
import type { Site } from '../../protocol/site.ts';
import { isExpiring } from '../../protocol/verify.ts';
import type { Context } from '../context.ts';
import { marks } from '../diff-lines.ts';
import { look } from '../look.ts';
import { cosignedLine } from '../../words/cosigned.ts';
import { reportLine, vouchedLine } from '../../words/report.ts';
import { aboutLines, nameLines } from '../../words/bundle.ts';
import { openSession } from '../session.ts';
import { statementLine } from '../../words/decisions.ts';
import { table } from '../table.ts';
import type { Terminal } from '../terminal.ts';

/** `coatcheck show NODE|DIGEST`: what is in force for a node, or one bundle, and the last report. */
export async function show(context: Context, text: string): Promise<void> {
  const { terminal } = context;
  const session = await openSession(context);
  const { node, digest } = await findNodeOrProposal(session, text);
  const standing = await look(session, terminal, node);
  const { view, opened, unreadable } = await nodeState(session, standing, digest);
  if (unreadable !== undefined) {
    terminal.warn(`what is in the bundle cannot be shown (${unreadable})`);
  }
  const cosigned = (await lookAtCosigned(session, standing)).map((one) =>
    cosignedView(session, one),
  );
  terminal.document({ ...view, cosigned });
  const about = opened
    ? aboutLines(
        {
          ...bundleFacts(node, opened, session),
          ...(view.attested && { attested: view.attested }),
        },
        { isDecided: view.where !== 'pending' },
      )
    : nameLines(view);
  for (const [name, value] of about) terminal.print(`${label(terminal, name)} ${value}`);
  terminal.print(
    `${label(terminal, 'state')} ${state(view, standing.history, session.client.now())}`,
  );
  const { where, rejected, waiting } = view;
  if (rejected !== undefined) {
    terminal.print(`${label(terminal, 'rejected')} ${statementLine(rejected)}`);
  }
  for (const waits of where === 'pending'
    ? waiting.filter((one) => one !== digestOf(view))
    : waiting) {
    terminal.print(
      `${label(terminal, 'waits')} ${waits}: coatcheck diff ${node} ${waits.slice(0, 16)}`,
    );
  }
  for (const one of cosigned) {
    terminal.print(`${label(terminal, 'signed')} ${cosignedLine(node, one)}`);
  }
  terminal.print(`${label(terminal, 'report')} ${reportLine(view.report, standing.history)}`);
  const vouched = vouchedLine(view.report);
  if (vouched !== undefined) terminal.print(`${label(terminal, 'vouched')} ${vouched}`);
  if (opened !== undefined) printContents(terminal, opened, session.site);
}

const digestOf = ({ bundle }: StateView): string | undefined => bundle?.digest;

const label = (terminal: Terminal, name: string): string => terminal.style.dim(name.padEnd(10));

function state({ where, decision }: StateView, { inForce }: History, now: number): string {
  if (where === 'pending') return 'waits for a decision';
  if (decision === undefined) return 'nothing is in force';
  const isNow = decision.slot === inForce?.slot;
  const inForceNow = isExpiring(decision, now) ? 'in force, expires soon' : 'in force';
  const so = isNow ? (decision.expired ? 'EXPIRED' : inForceNow) : 'not in force';
  return `${so}: ${statementLine(decision)}`;
}

function printContents(terminal: Terminal, { manifest }: OpenedBundle, site: Site): void {
  const { traitsFor } = machinePaths(site.paths, manifest);
  const { style } = terminal;
  terminal.print();
  const rows = manifest.files.map((file: FileEntry) => [
    octal(file.mode),
    `${escapeLine(file.owner)}:${escapeLine(file.group)}`,
    String(file.content.length),
    marks(traitsFor(file.path), style).join(', ') || 'data',
    showPath(file.path),
  ]);
  for (const line of table([
    ['MODE', 'OWNER', 'BYTES', 'WHAT IT CAN DO', 'PATH'].map(style.dim),
    ...rows,
  ])) {
    terminal.print(line);
  }
  const settings = compareSettings({}, manifest.metadata).map(maskSetting);
  if (settings.length > 0) terminal.print();
  for (const line of table(
    settings.map(({ name, executes, after = '' }) => [
      `setting ${showSetting(name)}`,
      marks({ executes, secret: false }, style).join(', ') || '-',
      escapeLine(after),
    ]),
  )) {
    terminal.print(line);
  }
}
