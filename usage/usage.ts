import { parseArgs } from 'node:util';
import { fail } from '../protocol/errors.ts';

/** `--name`, or `--name <value>`. An option that two commands share is the same in both. */
export interface Option {
  readonly name: string;
  /** What stands for its value in the help, such as `<file>`; absent for a flag. */
  readonly value?: string;
  readonly about: string;
  readonly default?: string;
}

export interface Command<Context> {
  /** Its words and then its operands, such as `key make file <path>` */
  readonly usage: string;
  readonly about: string;
  readonly options?: readonly Option[];
  readonly run: (context: Context, given: Given) => Promise<void> | void;
}

/** What stood on the command line, besides the command's own words. */
export interface Given {
  readonly operands: readonly string[];
  /** By name, as `token-file`; a flag is `true`. Without a prototype. */
  readonly options: Readonly<Record<string, string | true | undefined>>;
}

export interface Program<Context> {
  readonly name: string;
  readonly about: string;
  readonly version: string;
  /** Those that every command takes. */
  readonly options: readonly Option[];
  readonly commands: readonly Command<Context>[];
}

/** A command with all that it was given, or a text that was asked for. */
export type Parsed<Context> =
  { readonly command: Command<Context>; readonly given: Given } | { readonly text: string };

/**
 * Reads the words after the program's name. Options may stand anywhere; behind `--` there are none.
 * @throws usage, saying which word was not understood
 */
export function parse<Context>(
  program: Program<Context>,
  args: readonly string[],
): Parsed<Context> {
  const { values, positionals } = wordsOf(program, args);
  const { help, version, ...options } = values;
  const command = commandOf(program, positionals);
  if (version === true) return { text: program.version };
  if (help === true) return { text: command ? helpOf(program, command) : overview(program) };
  if (command === undefined) throw misused(program, unknownCommand(program, positionals));
  const { words, operands: wanted } = partsOf(command);
  const operands = positionals.slice(words.length);
  const missing = wanted[operands.length];
  if (missing !== undefined) throw misused(program, `${words.join(' ')}: ${missing} is missing`);
  const odd = operands[wanted.length];
  if (odd !== undefined) throw misused(program, `${words.join(' ')}: ${odd} is one word too many`);
  const known = [...program.options, ...(command.options ?? [])].map(({ name }) => name);
  const stray = Object.keys(options).find((name) => !known.includes(name));
  if (stray !== undefined) throw misused(program, `${words.join(' ')} has no option --${stray}`);
  return { command, given: { operands, options } };
}

/** The words that name a command, and the operands that it wants. */
export function partsOf<Context>({ usage }: Command<Context>): {
  words: readonly string[];
  operands: readonly string[];
} {
  const parts = usage.split(' ');
  const words = parts.filter((part) => !part.startsWith('<'));
  return { words, operands: parts.slice(words.length) };
}

function wordsOf<Context>(
  program: Program<Context>,
  args: readonly string[],
): { values: Record<string, string | true | undefined>; positionals: string[] } {
  const all = [...program.options, ...program.commands.flatMap(({ options }) => options ?? [])];
  const flag = { type: 'boolean' } as const;
  const known = all.map(({ name, value }) => [name, value === undefined ? flag : STRING] as const);
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { ...Object.fromEntries(known), help: { ...flag, short: 'h' }, version: flag },
      allowPositionals: true,
    });
    return { values: values as Record<string, string | true>, positionals };
  } catch (error) {
    // Its first sentence says what is wrong; the others are about arguments that begin with a dash.
    const [said = ''] = (error as Error).message.split(/\. |\n/);
    throw misused(
      program,
      said.replace(/^[A-Z](?=[a-z])/, (letter) => letter.toLowerCase()),
    );
  }
}
const STRING = { type: 'string' } as const;

/** The one with the most words that the line begins with. */
function commandOf<Context>(
  { commands }: Program<Context>,
  positionals: readonly string[],
): Command<Context> | undefined {
  const fits = commands.filter((command) =>
    partsOf(command).words.every((word, i) => positionals[i] === word),
  );
  return fits.sort((a, b) => partsOf(b).words.length - partsOf(a).words.length)[0];
}

function unknownCommand<Context>(program: Program<Context>, [word]: readonly string[]): string {
  if (word === undefined) return 'no command was given';
  const longer = program.commands.filter((command) => partsOf(command).words[0] === word);
  if (longer.length === 0) return `there is no command ${word}`;
  return `${word} goes on: ${longer.map(({ usage }) => usage).join(', or ')}`;
}

function misused<Context>({ name }: Program<Context>, what: string): Error {
  return fail('usage', `${what}; see ${name} --help`);
}

function overview<Context>({ name, about, commands, options }: Program<Context>): string {
  const rows = commands.map(({ usage, about: what }) => [usage, what] as const);
  return [
    `Usage: ${name} [options] <command>\n\n${about}`,
    `Options:\n${columns([...options.map(optionRow), ...COMMON])}`,
    `Commands:\n${columns(rows)}`,
  ].join('\n\n');
}
const COMMON = [
  ['--version', 'print the version'],
  ['-h, --help', 'of a command, or of all of them'],
] as const;

function helpOf<Context>({ name, options }: Program<Context>, command: Command<Context>): string {
  const own = command.options ?? [];
  return [
    `Usage: ${name} ${command.usage}${own.length > 0 ? ' [options]' : ''}\n\n${command.about}`,
    ...(own.length > 0 ? [`Options:\n${columns(own.map(optionRow))}`] : []),
    `Options of every command:\n${columns(options.map(optionRow))}`,
  ].join('\n\n');
}

const optionRow = ({ name, value, about, default: given }: Option): readonly [string, string] => [
  value === undefined ? `--${name}` : `--${name} ${value}`,
  given === undefined ? about : `${about} (default: ${given})`,
];

function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join('\n');
}
