import { parseArgs } from 'node:util';
import { fail } from '../protocol/errors.ts';
import { completion } from './completion/script.ts';
import { commandHelp, listing, overview } from './help.ts';
import { didYouMean } from './suggest.ts';
import { BUILT_IN, camelCase, commandsOf, partsOf, SHELLS } from './table.ts';
import type { Command, Option, OptionsOf, Program, Value } from './table.ts';

/** A command with all that it was given. */
export interface Call<Context, Common extends readonly Option[]> {
  readonly command: Command<Context>;
  /** What the options come to that every command takes. */
  readonly common: OptionsOf<Common>;
  /** Those of the command itself. */
  readonly operands: Readonly<Record<string, string | readonly string[]>>;
  readonly options: Readonly<Record<string, Value>>;
  /** Does what the command does. */
  readonly run: (context: Context) => Promise<void> | void;
}

/** What a command line comes to: a call, a text that was asked for, or a beginning of a command. */
export type Parsed<Context, Common extends readonly Option[]> =
  | Call<Context, Common>
  | { readonly text: string }
  | { readonly unfinished: Error; readonly help: string };

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads the words after the program's name. Options may stand anywhere; behind `--` there are none.
 * A line that names no whole command is `unfinished`: the error, and the help that leads on.
 * @throws usage, saying which word was not understood, and what may have been meant
 */
export function parse<Context, const Common extends readonly Option[]>(
  program: Program<Context, Common>,
  args: readonly string[],
  env: Environment = {},
): Parsed<Context, Common> {
  const line = readLine(program, args);
  const command = commandOf(program, line.words);
  const asked = line.words[0] === 'help' || line.given.has('help');
  if (command === undefined) return without(program, line, asked);
  if (line.given.has('version')) return { text: program.version };
  const { words } = partsOf(command);
  const say = (what: string): Error => misused(program, `${words.join(' ')}${what}`);
  const given = line.words.slice(words.length + (line.words[0] === 'help' ? 1 : 0));
  if (!asked || !isBegun(program, line.words)) demandNoMore(command, given, say);
  if (asked) return { text: commandHelp(program, command) };
  const operands = operandsOf(command, given, say);
  const known = [...program.options, ...command.options];
  const stray = [...line.given.keys()].find((name) => !known.some((o) => o.name === name));
  if (stray !== undefined) throw say(` has no option --${stray}${didYouMean(stray, names(known))}`);
  const shell = SHELLS.find((each) => command.usage === `completion ${each}`);
  if (shell !== undefined) return { text: completion(program, shell) };
  const options = valuesOf(command.options, line.given, env, say);
  return {
    ...{ command, operands, options },
    common: valuesOf(program.options, line.given, env, say) as OptionsOf<Common>,
    run: (context) => command.run(context, operands, options),
  };
}

/** The words of a line that are no options, and what was given for each option. */
interface Line {
  readonly words: readonly string[];
  readonly given: ReadonlyMap<string, readonly (string | true)[]>;
}

function readLine<Context>(program: Program<Context>, args: readonly string[]): Line {
  const all = [...program.commands.flatMap(({ options }) => options), ...program.options];
  const known = new Map<string, Option>([...all, ...BUILT_IN].map((o) => [o.name, o]));
  const { tokens } = parseArgs({
    ...{
      args: withOwnValues(program, args, known),
      strict: false,
      tokens: true,
      allowPositionals: true,
    },
    options: Object.fromEntries([...known].map(([name, o]) => [name, kindOf(o)])),
  });
  const words = tokens.flatMap((token) => (token.kind === 'positional' ? token.value : []));
  const given = new Map<string, (string | true)[]>();
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    const { name, rawName, value, inlineValue } = token;
    const option = known.get(name);
    const say = (what: string): Error => misused(program, what);
    if (option === undefined) {
      const named = commandOf(program, words);
      const near = named === undefined ? all : [...named.options, ...program.options];
      throw say(`unknown option '${rawName}'${didYouMean(name, names(near))}`);
    }
    if (option.value === undefined) {
      if (value !== undefined) throw say(`option '--${name}' does not take an argument`);
    } else if (value === undefined) {
      throw say(`option '--${name} <value>' argument missing`);
    } else if (value === '' && option.value !== FREE_TEXT && !mayHaveValues(option)) {
      // A variable of a script that is not set: as a folder it would mean this one.
      throw say(`option '--${name}' is empty: give it a value, or leave it out`);
    } else if (!inlineValue && /^-./.test(value)) {
      throw say(`option '--${name}' argument is ambiguous: is it --${name}=${value}?`);
    }
    given.set(name, [...(given.get(name) ?? []), value ?? true]);
  }
  return { words, given };
}

/** `--name a/b c/d` as `--name= --name=a/b --name=c/d`, where none or more values may follow. */
function withOwnValues<Context>(
  program: Program<Context>,
  args: readonly string[],
  known: ReadonlyMap<string, Option>,
): string[] {
  const end = args.includes('--') ? args.indexOf('--') : args.length;
  let taking: Option | undefined;
  const read = args.slice(0, end).map((arg) => {
    if (taking !== undefined && !arg.startsWith('-') && arg.includes('/')) {
      return `--${taking.name}=${arg}`;
    }
    const empty = arg.startsWith('--') && arg.endsWith('=') ? arg.slice(2, -1) : '';
    // A variable of a script that is not set must not mean all.
    if (mayHaveValues(known.get(empty) ?? {})) {
      throw misused(program, `--${empty}= names nothing: leave out the = to mean all`);
    }
    const option = arg.startsWith('--') ? known.get(arg.slice(2)) : undefined;
    taking = option !== undefined && mayHaveValues(option) ? option : undefined;
    return taking === undefined ? arg : `${arg}=`;
  });
  return [...read, ...args.slice(end)];
}

/** What stands for a value that may be empty. */
const FREE_TEXT = '<text>';
const mayHaveValues = ({ value }: Pick<Option, 'value'>): boolean =>
  value?.startsWith('[') === true;

const kindOf = ({ value, short }: Option): { type: 'boolean' | 'string'; short?: string } => ({
  type: value === undefined ? 'boolean' : 'string',
  ...(short !== undefined && { short }),
});

const names = (options: readonly Option[]): string[] => options.map(({ name }) => name);

/** The one with the most words that the line begins with. */
function commandOf<Context>(
  program: Program<Context>,
  given: readonly string[],
): Command<Context> | undefined {
  const line = given[0] === 'help' ? given.slice(1) : given;
  const fits = commandsOf(program).filter((command) =>
    partsOf(command).words.every((word, i) => line[i] === word),
  );
  return fits.sort((a, b) => partsOf(b).words.length - partsOf(a).words.length)[0];
}

/** What a line comes to that names no whole command. @throws usage for a word that no command has */
function without<Context>(
  program: Program<Context>,
  { words, given }: Line,
  asked: boolean,
): { text: string } | { unfinished: Error; help: string } {
  const line = words[0] === 'help' ? words.slice(1) : words;
  const begun = commandsOf(program).filter((command) =>
    line.every((word, i) => partsOf(command).words[i] === word),
  );
  if (begun.length === 0) throw misused(program, unknownCommand(program, line));
  if (given.has('version')) return { text: program.version };
  const help = line.length === 0 ? overview(program) : listing(program, line, begun);
  if (asked) return { text: help };
  const what =
    line.length === 0
      ? 'no command was given'
      : `${line.join(' ')} goes on: ${begun.map(({ usage }) => usage).join(', or ')}`;
  return { unfinished: misused(program, what), help };
}

function unknownCommand<Context>(program: Program<Context>, line: readonly string[]): string {
  const all = commandsOf(program).map((command) => partsOf(command).words);
  // The words up to the first that no command has there.
  const length = line.findIndex(
    (_, i) => !all.some((words) => line.slice(0, i + 1).every((word, at) => words[at] === word)),
  );
  const before = line.slice(0, length);
  const next = all.filter((words) => before.every((word, i) => words[i] === word));
  const near = didYouMean(
    line[length]!,
    [...new Set(next.map((words) => words[length] ?? ''))],
    '',
  );
  const said = line.slice(0, length + 1).join(' ');
  // Where the slip was in a word before: key list, for keys list.
  const whole =
    length > 0 && near === ''
      ? didYouMean(
          said,
          all.map((words) => words.join(' ')),
          '',
        )
      : near;
  return `there is no command ${said}${whole}`;
}

type Say = (what: string) => Error;

/** Whether the line is the beginning of a command, perhaps of a longer one than it names. */
const isBegun = <Context>(program: Program<Context>, given: readonly string[]): boolean =>
  commandsOf(program).some((command) =>
    given.every((word, i) => partsOf(command).words[i] === word),
  );

/** A word that is no operand may be meant as a command: it is none, also where help is asked for. */
function demandNoMore<Context>(
  command: Command<Context>,
  given: readonly string[],
  say: Say,
): void {
  const wanted = partsOf(command).operands;
  const odd = given[wanted.length];
  if (odd !== undefined && !wanted.some(({ repeated }) => repeated)) {
    throw say(`: ${odd} is one word too many`);
  }
}

function operandsOf<Context>(
  command: Command<Context>,
  given: readonly string[],
  say: Say,
): Record<string, string | readonly string[]> {
  const wanted = partsOf(command).operands;
  const many = wanted.findIndex(({ repeated }) => repeated);
  // Those behind an operand that is many are the last words of the line.
  const behind = many < 0 ? 0 : wanted.length - 1 - many;
  const end = Math.max(given.length - behind, many);
  const taken = wanted.map(({ repeated }, i) => {
    if (repeated) return given.slice(i, end);
    return given[many >= 0 && i > many ? end + i - many - 1 : i];
  });
  const missing = wanted.find(
    ({ required }, i) => required && (taken[i] === undefined || taken[i].length === 0),
  );
  const empty = given.indexOf('');
  // As where a script names a variable that is not set: it must not mean the only one there is.
  if (empty >= 0) {
    const of = wanted.findIndex((_, i) => [taken[i]].flat().includes(''));
    throw say(`: ${wanted[of]!.shown} is empty`);
  }
  if (missing !== undefined) throw say(`: ${missing.shown} is missing`);
  return Object.fromEntries(
    wanted
      .map(({ name }, i) => [name, taken[i]] as const)
      .filter((entry): entry is [string, string | string[]] => entry[1] !== undefined),
  );
}

function valuesOf(
  options: readonly Option[],
  given: Line['given'],
  env: Environment,
  say: Say,
): Record<string, Value> {
  const values: Record<string, Value> = {};
  for (const option of options) {
    const all = given.get(option.name);
    const excluded = option.excludes?.find((name) => given.has(name));
    if (all !== undefined && excluded !== undefined) {
      throw say(`: --${option.name} cannot be used with --${excluded}`);
    }
    const value = valueOf(option, all, env);
    const wrong =
      option.choices && [value ?? []].flat().find((v) => !option.choices!.includes(`${v}`));
    if (wrong !== undefined) {
      throw say(`: --${option.name} is one of ${option.choices!.join(', ')}`);
    }
    if (value === undefined && option.required === true) {
      throw say(`: --${option.name} ${option.value ?? ''} is missing`);
    }
    if (value !== undefined) values[camelCase(option.name)] = value;
  }
  return values;
}

function valueOf(
  option: Option,
  given: readonly (string | true)[] | undefined,
  env: Environment,
): Value | undefined {
  const { value, env: variable, repeatable, default: otherwise } = option;
  if (value === undefined) return given !== undefined;
  if (mayHaveValues(option)) return given?.map(String).filter((text) => text !== '');
  if (repeatable === true) return (given ?? []).map(String);
  const set = variable === undefined ? undefined : env[variable];
  return given?.at(-1) ?? (set === '' ? undefined : set) ?? otherwise;
}

function misused<Context>({ name }: Program<Context>, what: string): Error {
  return fail('usage', `${what}; see ${name} --help`);
}
