import { fromUtf8, utf8 } from './bytes.ts';
import { bundleError, quote } from './errors.ts';
import { checkPath } from './path.ts';
import { MAX_TIME } from './statement-layout.ts';

/** What a bundle says beside its files. Every field is a claim of whoever made it. */
export interface Metadata {
  /** 1 to 64 letters, digits, `.` and `-` */
  readonly hostname?: string;
  /** Unix seconds */
  readonly madeAt?: number;
  /** Program and version: 1 to 128 printable ASCII characters */
  readonly madeBy?: string;
  /** Where the node's seed came from: `usb`, `image`, `tpm`, `credential`, `file` */
  readonly keySource?: string;
  /** A name of the time zone database, like `Europe/Berlin` */
  readonly timezone?: string;
  /** `none`, `zram`, or `disk:` and a device, encrypted with a throw-away key */
  readonly swap?: string;
  /** Units of systemd; order and repetition are not kept in any list */
  readonly enable?: readonly string[];
  readonly disable?: readonly string[];
  readonly mask?: readonly string[];
  /** The units to restart when the file at this path changes */
  readonly restart?: Readonly<Record<string, readonly string[]>>;
  /** What the dialogue can start from: name to 0 to 1,024 bytes of UTF-8, no control characters */
  readonly answers?: Readonly<Record<string, string>>;
}

/** The form in which metadata are encoded: names with text values. */
export type MetadataEntry = readonly [name: string, value: string];

const UNIT_LISTS = ['enable', 'disable', 'mask'] as const;
const UNIT =
  /^[A-Za-z0-9:_.\\@-]{1,240}\.(service|socket|target|timer|mount|automount|swap|path|slice|scope|device)$/;
const ANSWER_NAME = /^[a-z][a-z0-9_.-]{0,63}$/;
const RESTART = 'restart:';
const ANSWER = 'answer:';

const HOSTNAME =
  /^(?=.{1,64}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$/;

const VALUES: Readonly<Record<string, RegExp>> = {
  hostname: HOSTNAME,
  madeAt: /^(0|[1-9][0-9]{0,11})$/,
  madeBy: /^[ -~]{1,128}$/,
  keySource: /^[a-z][a-z0-9-]{0,31}$/,
  timezone: /^(?=.{1,64}$)[A-Za-z0-9_+-]+(\/[A-Za-z0-9_+-]+)*$/,
  swap: /^(none|zram|disk:\/dev\/[A-Za-z0-9_.:/+-]{1,200})$/,
};

/** Whether the metadata field `hostname` may have this value. */
export const isHostname = (text: string): boolean => HOSTNAME.test(text);

function bad(name: string): Error {
  return bundleError('bad_metadata', `the metadata field ${quote(name)} is not allowed`);
}

function checkEntry(name: string, value: string): void {
  if (name.startsWith(ANSWER)) {
    if (!ANSWER_NAME.test(name.slice(ANSWER.length)) || !isAnswer(value)) throw bad(name);
  } else if (name.startsWith(RESTART)) {
    checkPath(name.slice(RESTART.length));
    parseUnits(name, value);
  } else if ((UNIT_LISTS as readonly string[]).includes(name)) {
    parseUnits(name, value);
  } else if (!Object.hasOwn(VALUES, name) || !VALUES[name]!.test(value)) {
    throw bad(name);
  } else if (name === 'madeAt' && Number(value) > MAX_TIME) {
    throw bad(name);
  }
}

function isAnswer(value: string): boolean {
  const bytes = utf8(value);
  return /^\P{Cc}*$/u.test(value) && bytes.length <= 1024 && fromUtf8(bytes) === value;
}

/** Units separated by single spaces, ascending, none twice: the one text of a set. */
function parseUnits(name: string, value: string): string[] {
  const units = value.split(' ');
  if (!units.every((unit) => UNIT.test(unit)) || formatUnits(units) !== value) throw bad(name);
  return units;
}

function formatUnits(units: readonly string[]): string {
  return [...new Set(units)].sort().join(' ');
}

/** @throws bad_metadata, bad_path */
export function metadataToEntries(metadata: Metadata): MetadataEntry[] {
  const { madeAt, enable, disable, mask, restart = {}, answers = {}, ...texts } = metadata;
  const entries: [string, string][] = Object.entries(texts);
  if (madeAt !== undefined) entries.push(['madeAt', String(madeAt)]);
  const lists = { enable, disable, mask };
  for (const name of UNIT_LISTS) {
    const units = lists[name] ?? [];
    if (units.length > 0) entries.push([name, formatUnits(units)]);
  }
  for (const [path, units] of Object.entries(restart)) {
    if (units.length > 0) entries.push([RESTART + path, formatUnits(units)]);
  }
  for (const [name, value] of Object.entries(answers)) entries.push([ANSWER + name, value]);
  for (const [name, value] of entries) checkEntry(name, value);
  return entries.sort(([a], [b]) => (a < b ? -1 : 1));
}

/** @param entries in any order, no name twice. @throws bad_metadata, bad_path */
export function metadataFromEntries(entries: readonly MetadataEntry[]): Metadata {
  const fields: Record<string, unknown> = {};
  const restart: [string, string[]][] = [];
  const answers: [string, string][] = [];
  for (const [name, value] of entries) {
    checkEntry(name, value);
    if (name.startsWith(RESTART)) restart.push([name.slice(RESTART.length), value.split(' ')]);
    else if (name.startsWith(ANSWER)) answers.push([name.slice(ANSWER.length), value]);
    else if (name === 'madeAt') fields[name] = Number(value);
    else fields[name] = name in VALUES ? value : value.split(' ');
  }
  if (restart.length > 0) fields['restart'] = record(restart);
  if (answers.length > 0) fields['answers'] = record(answers);
  return fields;
}

/** Without a prototype, so that a lookup of "constructor" finds nothing. */
function record<T>(entries: readonly (readonly [string, T])[]): Record<string, T> {
  return Object.assign(Object.create(null) as Record<string, T>, Object.fromEntries(entries));
}
