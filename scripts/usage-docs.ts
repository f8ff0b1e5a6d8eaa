import { flagOf } from '../usage/help.ts';
import { commandsOf, partsOf } from '../usage/table.ts';
import type { Option, Program } from '../usage/table.ts';
import { table } from './markdown.ts';

/** Every option of a program with the commands that take it, for docs/config.md. */
export function optionsTable<Context>({ options, commands }: Program<Context>): string {
  const rows = new Map<string, { of: string[]; cells: readonly string[] }>();
  const add = (of: string, option: Option): void => {
    const cells = cellsOf(option);
    const row = rows.get(cells.join()) ?? { of: [], cells };
    row.of.push(of);
    rows.set(cells.join(), row);
  };
  for (const option of options) add('all', option);
  for (const command of commands) {
    for (const option of command.options) add(code(partsOf(command).words.join(' ')), option);
  }
  return table(
    ['command', 'option', 'environment', 'default', 'example', 'what'],
    [...rows.values()].map(({ of, cells }) => [of.join(', '), ...cells]),
  );
}

function cellsOf(option: Option): string[] {
  const { env, default: otherwise, example = '', about, more, choices, repeatable } = option;
  const notes = [
    ...(choices === undefined ? [] : [`one of ${choices.map(code).join(', ')}`]),
    ...(repeatable === true ? ['several times, if need be'] : []),
  ];
  return [
    ...[flagOf(option), env ?? '', otherwise ?? '', example].map(code),
    `${more ?? about}${notes.length === 0 ? '' : ` (${notes.join(', ')})`}`,
  ];
}

/** Every command of a program, for docs/config.md. */
export function commandsTable<Context>(program: Program<Context>): string {
  return table(
    ['command', 'what it does'],
    commandsOf(program).map(({ usage, about }) => [code(usage), about]),
  );
}

const code = (text: string): string => (text === '' ? '' : `\`${text.replaceAll('|', '\\|')}\``);
