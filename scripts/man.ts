import { EXIT } from '../protocol/errors.ts';
import { BUILT_IN, commandsOf, partsOf } from '../usage/table.ts';
import type { Command, Option, Program } from '../usage/table.ts';

/** What a page says besides the table. */
export interface ManPage {
  /** Of the last change of the page, as `November 29, 2026`: without one groff writes the day of reading. */
  readonly date: string;
  readonly description: readonly string[];
  /** What each exit code means, by its name in `EXIT` */
  readonly exits: Readonly<Record<keyof typeof EXIT, string>>;
  readonly environment: readonly (readonly [name: string, what: string])[];
  readonly files: readonly (readonly [path: string, what: string])[];
  readonly seeAlso: string;
}

/** The manual of a program in mdoc(7), as section 1 has them. */
export function manPage<Context>(program: Program<Context>, page: ManPage): string {
  const { name, about, options } = program;
  const lines = [
    '.\\" Made by npm run docs.',
    `.Dd ${page.date}`,
    `.Dt ${name.toUpperCase()} 1`,
    '.Os',
    '.Sh NAME',
    `.Nm ${name}`,
    `.Nd ${about.replace(/^[A-Z]/, (letter) => letter.toLowerCase())}`,
    '.Sh SYNOPSIS',
    ...['.Nm', '.Op Ar options', '.Ar command', '.Op Ar operands'],
    '.Sh DESCRIPTION',
    ...page.description.flatMap((text, i) => [...(i > 0 ? ['.Pp'] : []), ...textLines(text)]),
    '.Pp',
    'Every command takes these options:',
    ...optionList([...options, ...BUILT_IN]),
    '.Sh COMMANDS',
    ...commandsOf(program).flatMap(commandLines),
    '.Sh ENVIRONMENT',
    ...list(page.environment.map(([variable, what]) => [`Ev ${variable}`, what])),
    '.Sh FILES',
    ...list(page.files.map(([path, what]) => [`Pa ${path}`, what])),
    '.Sh EXIT STATUS',
    ...list(
      Object.entries(EXIT).map(([key, exit]) => [
        String(exit),
        page.exits[key as keyof typeof EXIT],
      ]),
    ),
    ...exampleLines(program),
    '.Sh SEE ALSO',
    ...textLines(page.seeAlso),
  ];
  return `${lines.join('\n')}\n`;
}

function commandLines<Context>(command: Command<Context>): string[] {
  const { words, operands } = partsOf(command);
  const shown = operands.map(({ name, required, repeated }) => {
    const operand = `Ar ${escaped(name)}${repeated ? ' ...' : ''}`;
    return required ? `.${operand}` : `.Op ${operand}`;
  });
  return [
    `.Ss ${words.join(' ')}`,
    `.Cm ${words.join(' ')}`,
    ...shown,
    ...(command.options.length > 0 ? ['.Op Ar options'] : []),
    '.Pp',
    ...textLines(sentence(command.about)),
    ...(command.options.length > 0 ? optionList(command.options) : []),
  ];
}

const optionList = (options: readonly Option[]): string[] =>
  list(options.map((option) => [flag(option), optionText(option)]));

function flag({ name, short, value }: Option): string {
  const letter = short === undefined ? '' : `Fl ${short} , `;
  const long = `Fl \\-${escaped(name)}`;
  return `${letter}${long}${value === undefined ? '' : ` Ar ${value.slice(1, -1)}`}`;
}

function optionText({
  about,
  more,
  choices,
  env,
  required,
  default: otherwise,
  repeatable,
}: Option): string {
  return [
    sentence(more ?? about),
    ...(choices === undefined ? [] : [`One of ${choices.join(', ')}.`]),
    ...(otherwise === undefined ? [] : [`Default: ${otherwise}.`]),
    ...(env === undefined ? [] : [`Environment: ${env}.`]),
    ...(required === true ? ['Needed.'] : []),
    ...(repeatable === true ? ['Several times, if need be.'] : []),
  ].join(' ');
}

const list = (rows: readonly (readonly [head: string, what: string])[]): string[] => [
  '.Bl -tag -width Ds',
  ...rows.flatMap(([head, what]) => [`.It ${head}`, ...textLines(what)]),
  '.El',
];

function exampleLines<Context>({ name, commands }: Program<Context>): string[] {
  const lines = commands.flatMap(({ examples }) => examples);
  if (lines.length === 0) return [];
  const literal = lines.map((line) => escaped(`${name} ${line}`));
  return ['.Sh EXAMPLES', '.Bd -literal -offset indent', ...literal, '.Ed'];
}

const sentence = (text: string): string =>
  `${text.replace(/^[a-z]/, (letter) => letter.toUpperCase())}.`;

/**
 * Text as lines of troff: a new one for each sentence, none of more than 80 bytes, no macro at the
 * beginning of any, and no Markdown.
 */
function textLines(text: string): string[] {
  const plain = text
    .replace(/ ?\(\[[^\]]*\]\([^)]*\)\)/g, '')
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replaceAll('`', '');
  return plain
    .split(/(?<=[.:;,]) (?=[A-Z])/)
    .flatMap((part) => wrapped(part.split(' ').map(escaped)))
    .map((line) => line.replace(/^[.']/, '\\&$&'));
}

function wrapped(words: readonly string[]): string[] {
  const lines: string[] = [];
  for (const word of words) {
    const line = lines.at(-1);
    if (line === undefined || line.length + word.length > 76) lines.push(word);
    else lines.splice(-1, 1, `${line} ${word}`);
  }
  return lines;
}

const escaped = (text: string): string =>
  text.replaceAll('\\', '\\e').replaceAll('-', '\\-').replaceAll('…', '...');
