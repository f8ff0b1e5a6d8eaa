import { decodeBytes } from '../protocol/escape.ts';
import type { FileView } from './diff-view.ts';
import { hidingOf } from './secrets/secrets.ts';
import type { Range } from './secrets/text.ts';

/**
 * What may differ between nodes whose change is one: the name that is in force for the node, its address
 * in a profile of its network, or a value that the review masks.
 */
export type Varying = 'name' | 'address' | 'masked';

/** One value that may differ, and where it stands. */
export interface Spot {
  readonly kind: Varying;
  /** counted from 1 */
  readonly line: number;
  readonly text: string;
}

/** A content without what may differ in it: two of them are equal as their JSON is. */
export interface Cut {
  /** What is between the spots and around them; a mark that no text can be stands for each spot. */
  readonly rest: readonly (string | readonly [kind: Varying, form: string])[];
  /** in order */
  readonly spots: readonly Spot[];
}

/** What decides which values of a file may differ. */
export type CutOptions = Pick<FileView, 'path' | 'executes' | 'secret'> & {
  /** The host name in force for the node; absent: no name may differ. */
  readonly name?: string;
};

/**
 * Takes out of a content what may differ. In a file that runs, or lets somebody in, because it is there,
 * nothing may. Where settings may name a program, only what a strict parser takes for an address or a
 * secret may; where all is data, the name.
 */
export function cutFile(content: Uint8Array, options: CutOptions): Cut {
  const text = decodeBytes(content);
  if (options.executes === 'by place' || options.executes === 'refused') return whole(text);
  if (options.executes === 'no') return cutName(text, options.name);
  const lines = text.split('\n');
  const addresses = addressesIn(options.path, lines);
  const secrets = secretsIn(options, lines);
  const cut: Pieces = { rest: [''], spots: [] };
  lines.forEach((line, i) => {
    if (i > 0) append(cut, '\n');
    const [address, secret] = [addresses[i], secrets[i]];
    const range = address ?? secret;
    if (range === undefined) {
      append(cut, line);
      return;
    }
    append(cut, line.slice(0, range.start));
    const value = line.slice(range.start, range.end);
    const kind = address === undefined ? 'masked' : 'address';
    const form = kind === 'masked' ? formOf(value) : value.includes(':') ? '6' : '4';
    cut.rest.push([kind, form], '');
    cut.spots.push({ kind, line: i + 1, text: value });
    append(cut, line.slice(range.end));
  });
  return cut;
}

interface Pieces {
  readonly rest: (string | readonly [kind: Varying, form: string])[];
  readonly spots: Spot[];
}

const whole = (text: string): Cut => ({ rest: [text], spots: [] });

/** @param cut ends with a text */
function append({ rest }: Pieces, text: string): void {
  rest[rest.length - 1] = `${rest.at(-1) as string}${text}`;
}

/** Takes the name out of a text, wherever it stands as a word. */
export function cutName(text: string, name: string | undefined): Cut {
  if (name === undefined || name === '') return whole(text);
  const cut: Pieces = { rest: [''], spots: [] };
  let at = 0;
  let line = 1;
  for (let next; (next = text.indexOf(name, at)) >= 0;) {
    const end = next + name.length;
    const between = text.slice(at, next);
    line += between.split('\n').length - 1;
    append(cut, between);
    if (isWordChar(text[next - 1]) || isWordChar(text[end])) append(cut, name);
    else {
      cut.rest.push(['name', ''], '');
      cut.spots.push({ kind: 'name', line, text: name });
    }
    at = end;
  }
  append(cut, text.slice(at));
  return cut;
}

/** Whatever is not ASCII may be a letter. */
const isWordChar = (char: string | undefined): boolean =>
  char !== undefined && /[A-Za-z0-9_-]|[^\0-\x7f]/.test(char);

/** How the values look that may take each other's place, their length with it. */
function formOf(value: string): string {
  const kind = ['^\\d+$', '^[\\da-f]+$', '^[\\dA-F]+$', '^[\\w+/]+=*$', '^".*"$'].findIndex(
    (pattern) => new RegExp(pattern).test(value),
  );
  return `${kind} ${value.length}`;
}

function secretsIn(
  { path, secret }: CutOptions,
  lines: readonly string[],
): readonly (Range | undefined)[] {
  const hiding = hidingOf(path, secret);
  return hiding !== undefined && hiding !== 'withheld' && 'lines' in hiding
    ? hiding.lines(lines)
    : [];
}

/** By path, the settings of a profile that are an address of its machine: section and key. */
const PROFILES: readonly (readonly [path: RegExp, setting: RegExp])[] = [
  // systemd.network(5)
  [/^etc\/systemd\/network\/[^/]+\.network$/, /^\[(?:Network|Address)\] (Address=)/],
  // nm-settings-keyfile(5)
  [/^etc\/NetworkManager\/system-connections\/[^/]+$/, /^\[ipv[46]\] (address\d*=)/],
];

const ADDRESS =
  /^(?:\d{1,3}(?:\.\d{1,3}){3}|[\da-f]{0,4}(?::[\da-f]{0,4}){2,7})(?=\/\d{1,3}(?:,|$))/;

function addressesIn(path: string, lines: readonly string[]): readonly (Range | undefined)[] {
  const setting = PROFILES.find(([isOf]) => isOf.test(path))?.[1];
  // A line that goes on in the next may make a section or a key of what is none.
  if (setting === undefined || lines.some((line) => /\\\s*$/.test(line))) return [];
  let section = '';
  return lines.map((line) => {
    if (/^\s*\[/.test(line)) section = line;
    const key = setting.exec(`${section} ${line}`)?.[1];
    const address = key === undefined ? undefined : ADDRESS.exec(line.slice(key.length))?.[0];
    if (key === undefined || address === undefined) return undefined;
    return { start: key.length, end: key.length + address.length };
  });
}
