import type { DiffView, FileView } from '../admin/diff-view.ts';
import { revokesImages } from '../admin/changes.ts';
import type { SettingChange } from '../admin/changes.ts';
import type { AccountChange } from '../admin/secrets/accounts.ts';
import { showPath } from '../bundle/errors.ts';
import { showSetting } from '../bundle/settings.ts';
import { escapeLine, escapeText } from '../protocol/escape.ts';
import { accountText } from '../words/accounts.ts';
import { count } from '../protocol/count.ts';
import type { Style } from './terminal.ts';

const SIGN = { added: '+', removed: '-', changed: '~' } as const;

/** Stands before every line of a content, and before nothing else: a node's text forges no line of ours. */
const CONTENT = '| ';

/** The difference as lines for a terminal, what runs first: everything from a node is escaped. */
export function diffLines(view: DiffView, style: Style): string[] {
  const { files, metadata, settingsCut = 0 } = view;
  const runs = (change: SettingChange): boolean => change.executes === 'by place';
  const lines = [
    ...metadata.filter(runs).flatMap((change) => settingLines(change, style)),
    ...files.flatMap((file) => fileLines(file, style)),
    ...metadata.filter((change) => !runs(change)).flatMap((change) => settingLines(change, style)),
    ...(settingsCut > 0
      ? [`(${count(settingsCut, 'more setting')} not shown; --full shows them)`]
      : []),
  ];
  if (lines.length === 0) return ['no difference'];
  return lines;
}

function settingLines(setting: SettingChange, style: Style): string[] {
  const { name, executes, before, after } = setting;
  const change = before === undefined ? 'added' : after === undefined ? 'removed' : 'changed';
  const head = style.bold(`${SIGN[change]} setting ${showSetting(name)}`);
  const said = revokesImages(setting)
    ? [style.red('FOR EVER: revokes older images')]
    : marks({ executes, secret: false }, style);
  return [
    said.length === 0 ? head : `${head}  ${said.join(', ')}`,
    ...(before === undefined ? [] : [CONTENT + style.red(`-${escapeLine(before)}`)]),
    ...(after === undefined ? [] : [CONTENT + style.green(`+${escapeLine(after)}`)]),
  ];
}

function fileLines(file: FileView, style: Style): string[] {
  const head = `${style.bold(`${SIGN[file.change]} ${showPath(file.path)}`)}  ${facts(file, style).join(', ')}`;
  return [
    head,
    ...(file.accounts ?? []).map((account) => `  ${accountLine(account, style)}`),
    ...(file.lines ?? []).map((line) => CONTENT + styledLine(line, style)),
    ...notes(file).map((note) => `  (${note})`),
  ];
}

/** What is said of a file besides its content. */
function facts(file: FileView, style: Style): string[] {
  return [
    ...marks(file, style),
    ...imagesOwn(file),
    ...fact('mode', file.mode),
    ...fact('owner', file.owner),
    file.change === 'changed' && file.size.before === file.size.after
      ? `${file.size.after ?? 0} bytes`
      : arrow(file.size, 'bytes'),
  ];
}

function imagesOwn({ becomesImages }: FileView): string[] {
  if (becomesImages === undefined) return [];
  return [
    `becomes the image's own, which is ${becomesImages === 'same' ? 'the same' : 'ANOTHER'} (as the maker claims)`,
  ];
}

/** What a path can set off, in words; nothing for one that is data. */
export function marks(file: Pick<FileView, 'executes' | 'secret'>, style: Style): string[] {
  return [
    ...(file.executes === 'by place' ? [style.yellow('RUNS OR LETS IN')] : []),
    ...(file.executes === 'may name' ? [style.yellow('may name a program')] : []),
    ...(file.executes === 'refused' ? [style.red('NOT ALLOWED: nodes refuse this path')] : []),
    ...(file.secret ? [style.yellow('secret')] : []),
  ];
}

function notes(file: FileView): string[] {
  const { hidden, maskedValues, linesCut = 0, accountsCut = 0, path } = file;
  const name = showPath(path);
  return [
    ...(hidden === 'key' ? [`one key and nothing else; --show-secrets ${name} shows it`] : []),
    ...(hidden === 'withheld'
      ? [`secret, and in no format that is known: --show-secrets ${name} shows it`]
      : []),
    ...(accountsCut > 0
      ? [`${count(accountsCut, 'more account')} not shown; --full shows them`]
      : []),
    ...(linesCut > 0 ? [`${count(linesCut, 'more line')} not shown; --full shows them`] : []),
    ...(maskedValues > 0
      ? [`${count(maskedValues, 'value')} masked; --show-secrets ${name} shows them`]
      : []),
  ];
}

function accountLine(change: AccountChange, style: Style): string {
  const line = accountText(change);
  return change.after?.password === 'empty' ? style.red(line) : line;
}

function fact(label: string, sides: { before?: string; after?: string } | undefined): string[] {
  return sides === undefined ? [] : [escapeLine(`${label} ${arrow(sides)}`)];
}

function arrow(sides: { before?: string | number; after?: string | number }, unit = ''): string {
  const text = [sides.before, sides.after].filter((side) => side !== undefined).join(' -> ');
  return unit === '' ? text : `${text} ${unit}`;
}

function styledLine(line: string, style: Style): string {
  const safe = escapeText(line);
  if (line.startsWith('@@')) return style.cyan(safe);
  if (line.startsWith('+')) return style.green(safe);
  if (line.startsWith('-')) return style.red(safe);
  return safe;
}
