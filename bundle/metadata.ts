import { fromUtf8, utf8 } from './bytes.ts';
import { bundleError, quote } from './errors.ts';
import { HOSTNAME } from './hostname.ts';
import { checkPath, inByteOrder } from './path.ts';
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
  /** The site's PCR key that a seed of a TPM is bound to: the first 16 hex digits of its name's digest */
  readonly pcrKey?: string;
  /**
   * Of a machine whose site has another PCR key now: the sign key and the box key that it had, 32 bytes each, and the
   * signature by that key, 64 bytes, about its site and both its ids; base64url (`predecessorOf`)
   */
  readonly succeeds?: string;
  /** A name of the time zone database, like `Europe/Berlin` */
  readonly timezone?: string;
  /** `none`, `zram`, or `disk:` and a device, encrypted with a throw-away key */
  readonly swap?: string;
  /**
   * Images of earlier generations are revoked on this machine, for ever: 1 to 65,535. Only a bundle that an administrator
   * made has it
   */
  readonly generation?: number;
  /** Units of systemd; order and repetition are not kept in any list */
  readonly enable?: readonly string[];
  readonly disable?: readonly string[];
  readonly mask?: readonly string[];
  /**
   * Other names of units, as `name=unit`; with `user/` in front, of units of users. Links that
   * enabling the unit would not make.
   */
  readonly alias?: readonly string[];
  /**
   * What a unit pulls in, as its link is named: `a.target.wants/b.service`, `.requires/`, `.upholds/`;
   * with `user/` in front, of units of users. Links that enabling the unit would not make.
   */
  readonly wants?: readonly string[];
  /** The version of the image that it was made on: 1 to 64 printable ASCII characters */
  readonly image?: string;
  /** Digest of the baseline of that image, hex: what the image has anyway is not in the bundle */
  readonly baseline?: string;
  /** Digest of what the machine's site adds to the list of paths, hex; absent where it adds nothing */
  readonly paths?: string;
  /** What its TPM vouches for (protocol/attestation.ts), base64url: 1 to 4,096 characters */
  readonly attestation?: string;
  /** The endorsement key of its TPM, and what the TPM has for a certificate (protocol/endorsement.ts), base64url: 1 to 4,096 characters */
  readonly endorsement?: string;
  /**
   * That administrators know that key, and what proves that it is in the TPM (protocol/endorsement.ts), base64url: 1 to 1,024
   * characters. Only a bundle that an administrator made has it
   */
  readonly activation?: string;
  /** The code of a machine whose memory was wiped: 32 hex digits, made afterwards, and so was this bundle */
  readonly fresh?: string;
  /** Files that the machine had as its image has them, by path: the first 8 digits of their digest there */
  readonly left?: Readonly<Record<string, string>>;
  /** The units to restart when the file at this path changes */
  readonly restart?: Readonly<Record<string, readonly string[]>>;
  /** What the dialogue can start from: name to 0 to 1,024 bytes of UTF-8, no control characters */
  readonly answers?: Readonly<Record<string, string>>;
}

/** The form in which metadata are encoded: names with text values. */
export type MetadataEntry = readonly [name: string, value: string];

const UNIT_NAME = '[A-Za-z0-9:_.\\\\@-]{1,240}';
const UNIT_TYPE = '(service|socket|target|timer|mount|automount|swap|path|slice|scope|device)';
const UNIT = new RegExp(`^${UNIT_NAME}\\.${UNIT_TYPE}$`);
/** The lists of settings, and what each of their words is. */
const LISTS = {
  enable: UNIT,
  disable: UNIT,
  mask: UNIT,
  alias: new RegExp(`^(?:user/)?${UNIT_NAME}\\.${UNIT_TYPE}=${UNIT_NAME}\\.\\1$`),
  wants: new RegExp(
    `^(?:user/)?${UNIT_NAME}\\.${UNIT_TYPE}\\.(?:wants|requires|upholds)/${UNIT_NAME}\\.${UNIT_TYPE}$`,
  ),
};
/** Name of a setting that is a list of words. */
export type ListName = keyof typeof LISTS;
const LIST_NAMES = Object.keys(LISTS) as readonly ListName[];

/** Whether a list of settings may have this word: a unit, an alias, a link. */
export const isWordOf = (name: ListName, word: string): boolean => LISTS[name].test(word);

const ANSWER_NAME = /^[a-z][a-z0-9_.-]{0,63}$/;
const RESTART = 'restart:';
const ANSWER = 'answer:';
const LEFT = 'left:';
const LEFT_VALUE = /^[0-9a-f]{8}$/;

const VALUES: Readonly<Record<string, RegExp>> = {
  hostname: HOSTNAME,
  madeAt: /^(0|[1-9][0-9]{0,11})$/,
  madeBy: /^[ -~]{1,128}$/,
  keySource: /^[a-z][a-z0-9-]{0,31}$/,
  timezone: /^(?=.{1,64}$)[A-Za-z0-9_+-]+(\/[A-Za-z0-9_+-]+)*$/,
  image: /^[ -~]{1,64}$/,
  baseline: /^[0-9a-f]{64}$/,
  paths: /^[0-9a-f]{64}$/,
  attestation: /^[A-Za-z0-9_-]{1,4096}$/,
  endorsement: /^[A-Za-z0-9_-]{1,4096}$/,
  activation: /^[A-Za-z0-9_-]{1,1024}$/,
  pcrKey: /^[0-9a-f]{16}$/,
  succeeds: /^[A-Za-z0-9_-]{170}[AEIMQUYcgkosw048]$/,
  fresh: /^[0-9a-f]{32}$/,
  generation: /^[1-9][0-9]{0,4}$/,
  swap: /^(none|zram|disk:\/dev\/[A-Za-z0-9_.:/+-]{1,200})$/,
};

/** The values that are numbers, and the highest of each. */
const NUMBERS: Readonly<Record<string, number>> = { madeAt: MAX_TIME, generation: 0xffff };

/** Whether the metadata field `timezone` may have this value. */
export const isTimezone = (text: string): boolean => VALUES['timezone']!.test(text);

function bad(name: string): Error {
  return bundleError('bad_metadata', `the metadata field ${quote(name)} is not allowed`);
}

function checkEntry(name: string, value: string): void {
  if (name.startsWith(ANSWER)) {
    if (!ANSWER_NAME.test(name.slice(ANSWER.length)) || !isAnswer(value)) throw bad(name);
  } else if (name.startsWith(RESTART)) {
    checkPath(name.slice(RESTART.length));
    checkWords(name, value, UNIT);
  } else if (name.startsWith(LEFT)) {
    checkPath(name.slice(LEFT.length));
    if (!LEFT_VALUE.test(value)) throw bad(name);
  } else if (Object.hasOwn(LISTS, name)) {
    checkWords(name, value, LISTS[name as ListName]);
  } else if (!Object.hasOwn(VALUES, name) || !VALUES[name]!.test(value)) {
    throw bad(name);
  } else if (Number(value) > (NUMBERS[name] ?? Infinity)) {
    throw bad(name);
  }
}

function isAnswer(value: string): boolean {
  const bytes = utf8(value);
  return /^[^\0-\x1f\x7f-\x9f]*$/.test(value) && bytes.length <= 1024 && fromUtf8(bytes) === value;
}

/** Words separated by single spaces, ascending, none twice: the one text of a set. */
function checkWords(name: string, value: string, word: RegExp): void {
  const words = value.split(' ');
  if (!words.every((one) => word.test(one)) || formatWords(words) !== value) throw bad(name);
}

function formatWords(words: readonly string[]): string {
  return [...new Set(words)].sort().join(' ');
}

/**
 * That a bundle which a machine made orders nothing that cannot be taken back, and does not say who knows its TPM.
 * @throws bad_metadata
 */
export function demandMaker({ generation, activation }: Metadata): void {
  if (generation === undefined && activation === undefined) return;
  const says = generation === undefined ? 'that its TPM is known' : 'that images are revoked';
  throw bundleError(
    'bad_metadata',
    `this bundle was made by a machine, and says ${says}: only an administrator says that`,
  );
}

/** @throws bad_metadata, bad_path */
export function metadataToEntries(metadata: Metadata): MetadataEntry[] {
  const { madeAt, generation, restart = {}, answers = {}, left = {}, ...rest } = metadata;
  const { enable, disable, mask, alias, wants, ...texts } = rest;
  const entries: [string, string][] = Object.entries(texts);
  for (const [name, number] of Object.entries({ madeAt, generation })) {
    if (number !== undefined) entries.push([name, String(number)]);
  }
  const lists = { enable, disable, mask, alias, wants };
  for (const name of LIST_NAMES) {
    const words = lists[name] ?? [];
    if (words.length > 0) entries.push([name, formatWords(words)]);
  }
  for (const [path, units] of Object.entries(restart)) {
    if (units.length > 0) entries.push([RESTART + path, formatWords(units)]);
  }
  for (const [name, value] of Object.entries(answers)) entries.push([ANSWER + name, value]);
  for (const [path, value] of Object.entries(left)) entries.push([LEFT + path, value]);
  for (const [name, value] of entries) checkEntry(name, value);
  return entries.sort(([a], [b]) => inByteOrder(a, b));
}

/** @param entries in any order, no name twice. @throws bad_metadata, bad_path */
export function metadataFromEntries(entries: readonly MetadataEntry[]): Metadata {
  const fields: Record<string, unknown> = {};
  const restart: [string, string[]][] = [];
  const answers: [string, string][] = [];
  const left: [string, string][] = [];
  for (const [name, value] of entries) {
    checkEntry(name, value);
    if (name.startsWith(RESTART)) restart.push([name.slice(RESTART.length), value.split(' ')]);
    else if (name.startsWith(LEFT)) left.push([name.slice(LEFT.length), value]);
    else if (name.startsWith(ANSWER)) answers.push([name.slice(ANSWER.length), value]);
    else if (Object.hasOwn(NUMBERS, name)) fields[name] = Number(value);
    else fields[name] = name in VALUES ? value : value.split(' ');
  }
  if (restart.length > 0) fields['restart'] = record(restart);
  if (answers.length > 0) fields['answers'] = record(answers);
  if (left.length > 0) fields['left'] = record(left);
  return fields;
}

/** Without a prototype, so that a lookup of "constructor" finds nothing. */
function record<T>(entries: readonly (readonly [string, T])[]): Record<string, T> {
  return Object.assign(Object.create(null) as Record<string, T>, Object.fromEntries(entries));
}
