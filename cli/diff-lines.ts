import type { DiffView, FileView } from '../admin/diff-view.ts';
import { escapeLine, escapeText } from '../protocol/escape.ts';
import { count } from '../protocol/count.ts';
import type { Style } from './terminal.ts';

const SIGN = { added: '+', removed: '-', changed: '~' } as const;

/** The difference as lines for a terminal: everything from a node is escaped. */
export function diffLines(view: DiffView, style: Style): string[] {
  const lines = view.files.flatMap((file) => fileLines(file, style));
  for (const { name, before, after } of view.metadata) {
    const change = before === undefined ? 'added' : after === undefined ? 'removed' : 'changed';
    lines.push(style.bold(`${SIGN[change]} setting ${escapeLine(name)}`));
    if (before !== undefined) lines.push(style.red(`-${escapeLine(before)}`));
    if (after !== undefined) lines.push(style.green(`+${escapeLine(after)}`));
  }
  if (lines.length === 0) return ['no difference'];
  return lines;
}

function fileLines(file: FileView, style: Style): string[] {
  const facts = [
    ...(file.executes === 'may' ? [style.yellow('EXECUTES')] : []),
    ...(file.secret ? [style.yellow('secret')] : []),
    ...(file.class === 'refused' ? [style.red('NOT ALLOWED: nodes refuse this path')] : []),
    ...fact('mode', file.mode),
    ...fact('owner', file.owner),
    file.change === 'changed' && file.size.before === file.size.after
      ? `${file.size.after ?? 0} bytes`
      : arrow(file.size, 'bytes'),
  ];
  const head = `${style.bold(`${SIGN[file.change]} ${escapeLine(file.path)}`)}  ${facts.join(', ')}`;
  const lines = (file.lines ?? []).map((line) => styledLine(line, style));
  if (file.hidden === 'secret') lines.push('  (secret: contents not shown without --show-secrets)');
  if (file.maskedValues > 0) {
    lines.push(`  (${count(file.maskedValues, 'value')} masked; --show-secrets shows them)`);
  }
  return [head, ...lines];
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
