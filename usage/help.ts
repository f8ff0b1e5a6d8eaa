import { BUILT_IN, commandsOf } from './table.ts';
import type { Command, Option, Program } from './table.ts';

/** The help of a program: what every command takes, and all commands. */
export function overview<Context>(program: Program<Context>): string {
  const { name, about, options } = program;
  return [
    `Usage: ${name} [options] <command>\n\n${about}`,
    `Options:\n${columns([...options, ...BUILT_IN].map(optionRow))}`,
    `Commands:\n${columns([...commandsOf(program).map(commandRow), HELP])}`,
  ].join('\n\n');
}
const HELP = ['help [command]', 'the same as --help'] as const;

/** The help of a word that several commands begin with. */
export function listing<Context>(
  { name }: Program<Context>,
  words: readonly string[],
  commands: readonly Command<Context>[],
): string {
  const begun = `Usage: ${name} ${words.join(' ')} <command>`;
  return `${begun}\n\nCommands:\n${columns(commands.map(commandRow))}`;
}

/** The help of one command. */
export function commandHelp<Context>(
  { name, options }: Program<Context>,
  { usage, about, options: own, examples, notes }: Command<Context>,
): string {
  const lines = examples.map((example) => `  ${name} ${example}`);
  return [
    `Usage: ${name} ${usage}${own.length > 0 ? ' [options]' : ''}\n\n${about}`,
    ...(own.length > 0 ? [`Options:\n${columns(own.map(optionRow))}`] : []),
    ...Object.entries(notes).map(([heading, words]) => `${heading}:\n${listed(words)}`),
    `Options of every command:\n${columns(options.map(optionRow))}`,
    ...(lines.length > 0 ? [`Examples:\n${lines.join('\n')}`] : []),
  ].join('\n\n');
}

const WIDTH = 78;

/** Words with commas between, in lines of {@link WIDTH} characters at most. */
function listed(words: readonly string[]): string {
  const lines: string[] = [];
  for (const [i, word] of words.entries()) {
    const said = i < words.length - 1 ? `${word},` : word;
    const longer = `${lines.at(-1) ?? ''} ${said}`;
    if (lines.length > 0 && longer.length <= WIDTH) lines[lines.length - 1] = longer;
    else lines.push(`  ${said}`);
  }
  return lines.join('\n');
}

const commandRow = <Context>({ usage, about }: Command<Context>) => [usage, about] as const;

/** `--name <value>`, with the letter that stands for it before it. */
export const flagOf = ({ name, short, value }: Option): string =>
  `${short === undefined ? '' : `-${short}, `}--${name}${value === undefined ? '' : ` ${value}`}`;

function optionRow(option: Option): readonly [string, string] {
  const { about, choices, env, required, default: otherwise } = option;
  const notes = [
    ...(required === true ? ['needed'] : []),
    ...(choices === undefined ? [] : [`one of ${choices.join(', ')}`]),
    ...(otherwise === undefined ? [] : [`default: ${otherwise}`]),
    ...(env === undefined ? [] : [`env: ${env}`]),
  ];
  return [flagOf(option), notes.length === 0 ? about : `${about} (${notes.join(', ')})`];
}

function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join('\n');
}
