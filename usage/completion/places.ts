import { commandsOf, partsOf } from '../table.ts';
import type { Command, Option, Program } from '../table.ts';

/** A place in a command line: the words of a command so far. */
export interface Place {
  /** Each word with a space before it, as ` bundle export`; empty before the first */
  readonly at: string;
  /** The words that may follow, each with what it is about. */
  readonly next: Map<string, string>;
  /** Those of the command that is whole here, besides those of every command. */
  options: readonly Option[];
  /** What each operand of it is. */
  operands: readonly { readonly kind: Kind; readonly repeated: boolean }[];
}

/** What a shell offers for a value: files, folders or nothing. */
export type Kind = 'f' | 'd' | '';

/** What a script is made of. */
export interface Completed {
  readonly name: string;
  readonly places: readonly Place[];
  readonly common: readonly Option[];
  /** All of any command, each name once */
  readonly options: readonly Option[];
}

/** What the scripts of a program are made of. */
export function completedOf<Context>(program: Program<Context>): Completed {
  const { name, options: common } = program;
  const commands = commandsOf(program);
  const all = [...common, ...commands.flatMap(({ options }) => options)];
  return {
    ...{ name, common, places: placesOf(commands) },
    options: [...new Map(all.map((option) => [option.name, option])).values()],
  };
}

function placesOf<Context>(commands: readonly Command<Context>[]): Place[] {
  const places = new Map<string, Place>();
  const placeAt = (words: readonly string[]): Place => {
    const at = words.map((word) => ` ${word}`).join('');
    const place = places.get(at) ?? { at, next: new Map(), options: [], operands: [] };
    places.set(at, place);
    return place;
  };
  for (const command of commands) {
    const { words, operands } = partsOf(command);
    words.forEach((word, i) => {
      const isLast = i === words.length - 1;
      placeAt(words.slice(0, i)).next.set(word, isLast ? command.about : '');
    });
    const place = placeAt(words);
    place.options = command.options;
    place.operands = operands.map(({ name, repeated }) => ({ kind: kindOf(name), repeated }));
  }
  return [...places.values()];
}

const FILES = ['file', 'path', 'paths', 'device', 'tty', 'source'];

/** By what stands for it in the help. */
export function kindOf(placeholder: string): Kind {
  const name = placeholder.replace(/[<>]/g, '');
  if (FILES.includes(name)) return 'f';
  return name === 'folder' || name === 'place' ? 'd' : '';
}

/** A text as one word of bash, zsh and fish. */
export const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
