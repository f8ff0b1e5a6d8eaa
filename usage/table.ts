/**
 * The table that a program's command line is read by, and that its help, manual, completions and page
 * of docs/config.md are made from. What is written in it is also the type of what a command is given.
 */

/** `--name`, or `--name <value>`. An option that two commands share is the same in both. */
export interface Option {
  readonly name: string;
  /** One letter that stands for it */
  readonly short?: string;
  /**
   * What stands for its value in the help, such as `<file>`; absent for a flag. `[path...]`: none or
   * more, which are the words behind it that have a `/`. Only a `<text>` may be empty.
   */
  readonly value?: string;
  /** In one line, for the help */
  readonly about: string;
  /** What docs/config.md and the manual say instead, in Markdown. */
  readonly more?: string;
  readonly default?: string;
  /** The only values that it takes */
  readonly choices?: readonly string[];
  /** It may be given several times: a list. Of any other option the last one counts. */
  readonly repeatable?: true;
  /** The command does not work without it. */
  readonly required?: true;
  /** The environment variable that stands in for it; an empty one counts for nothing. */
  readonly env?: string;
  /** The names of options that cannot be given beside it */
  readonly excludes?: readonly string[];
  /** How it is used, for docs/config.md */
  readonly example?: string;
}

/** A command as the table holds it; `commandsFor` makes it. */
export interface Command<Context> {
  /**
   * Its words and then its operands: `bundle export <file> <folder>`, `diff <node> [digest]`, `a [b...]`,
   * `c [b...] <d>`
   */
  readonly usage: string;
  readonly about: string;
  readonly options: readonly Option[];
  /** Whole command lines without the program's name */
  readonly examples: readonly string[];
  /** What its help has besides, under a heading each; docs/config.md has it in its own place */
  readonly notes: Notes;
  readonly run: (
    context: Context,
    operands: Readonly<Record<string, string | readonly string[]>>,
    options: Readonly<Record<string, Value>>,
  ) => Promise<void> | void;
}

/** Words that a help lists, by what they are: `States`, and all of them. */
export type Notes = Readonly<Record<string, readonly string[]>>;

/** What an option comes to: a flag is there or not, others have their text, or their texts. */
export type Value = boolean | string | readonly string[];

/** A program: what it is called, what every command takes, and its commands. */
export interface Program<Context, Common extends readonly Option[] = readonly Option[]> {
  readonly name: string;
  readonly about: string;
  readonly version: string;
  /** Those that every command takes. */
  readonly options: Common;
  readonly commands: readonly Command<Context>[];
}

/** The options that are not in any table: every program has them. */
export const BUILT_IN = [
  { name: 'version', about: 'print the version' },
  { name: 'help', short: 'h', about: 'of a command, or of all of them' },
] as const satisfies readonly Option[];

/** Shells that a program prints a completion script for. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const;
/** One of these. */
export type Shell = (typeof SHELLS)[number];

/** All commands of a program: its own, and `completion SHELL`, which every program has. */
export function commandsOf<Context>({ commands }: Program<Context>): readonly Command<Context>[] {
  return [...commands, ...SHELLS.map(completionOf)];
}

const completionOf = (shell: Shell): Command<unknown> => ({
  usage: `completion ${shell}`,
  about: `print the script by which ${shell} completes these commands`,
  options: [],
  examples: [],
  notes: {},
  // `parse` answers with the script.
  run: () => undefined,
});

/** Takes the entry of a command whose `run` is given what its `usage` and `options` say, by type. */
export type MakeCommand<Context> = <
  const Usage extends string,
  const Options extends readonly Option[] = readonly [],
>(entry: {
  readonly usage: Usage;
  readonly about: string;
  readonly options?: Options;
  readonly examples?: readonly string[];
  readonly notes?: Notes;
  readonly run: (
    context: Context,
    operands: OperandsOf<Usage>,
    options: OptionsOf<Options>,
  ) => Promise<void> | void;
}) => Command<Context>;

/** How the commands of one program enter its table. */
export function commandsFor<Context>(): MakeCommand<Context> {
  return ({ options, examples = [], notes = {}, run, ...entry }) => ({
    ...entry,
    options: options ?? [],
    ...{ examples, notes },
    // `parse` gives exactly what the two texts say: that is what it checks.
    run: run as unknown as Command<Context>['run'],
  });
}

/** The words that name a command, and the operands that it takes. */
export function partsOf({ usage }: Pick<Command<never>, 'usage'>): {
  words: readonly string[];
  operands: readonly Operand[];
} {
  const parts = usage.split(' ');
  const words = parts.filter((part) => !/^[<[]/.test(part));
  return { words, operands: parts.slice(words.length).map(operandOf) };
}

/** A word of a command line that is no option. */
export interface Operand {
  /** As the help shows it: `<file>`, `[digest]`, `[path...]` */
  readonly shown: string;
  readonly name: string;
  readonly required: boolean;
  readonly repeated: boolean;
}

function operandOf(shown: string): Operand {
  const name = shown.slice(1, -1);
  return {
    shown,
    name: name.replace(/\.{3}$/, ''),
    required: shown.startsWith('<'),
    repeated: name.endsWith('...'),
  };
}

/** `passphrase-file` as a name in the program: `passphraseFile`. */
export const camelCase = (name: string): string =>
  name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());

/** By name, what the operands of a usage come to. */
export type OperandsOf<Usage extends string> = Flat<UnionToAll<OperandType<Word<Usage>>>>;

/** By name in camel case, what options come to: a flag is true or false. */
export type OptionsOf<Options extends readonly Option[]> = Flat<
  {
    readonly [O in Options[number] as O extends Unsure ? never : Camel<O['name']>]: ValueOf<O>;
  } & {
    readonly [O in Options[number] as O extends Unsure ? Camel<O['name']> : never]?: ValueOf<O>;
  }
>;

/** An option that may come to nothing */
type Unsure = {
  readonly value: string;
  readonly default?: never;
  readonly required?: never;
  readonly repeatable?: never;
};

type ValueOf<O extends Option> = O extends { readonly value: `[${string}` }
  ? readonly string[]
  : O extends { readonly value: string }
    ? O extends { readonly repeatable: true }
      ? readonly TextOf<O>[]
      : TextOf<O>
    : boolean;
type TextOf<O extends Option> = O extends { readonly choices: readonly (infer Choice)[] }
  ? Choice
  : string;

type Camel<Name extends string> = Name extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<Camel<Tail>>}`
  : Name;
type Word<Text extends string> = Text extends `${infer Head} ${infer Tail}`
  ? Head | Word<Tail>
  : Text;
type OperandType<W extends string> = W extends `<${infer Name}...>`
  ? { readonly [N in Name]: readonly [string, ...string[]] }
  : W extends `[${infer Name}...]`
    ? { readonly [N in Name]: readonly string[] }
    : W extends `<${infer Name}>`
      ? { readonly [N in Name]: string }
      : W extends `[${infer Name}]`
        ? { readonly [N in Name]?: string }
        : never;
type UnionToAll<U> = (U extends unknown ? (each: U) => void : never) extends (
  all: infer All,
) => void
  ? All
  : never;
type Flat<T> = { [K in keyof T]: T[K] };
