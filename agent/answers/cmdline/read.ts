import { quote } from '../../../bundle/errors.ts';
import { fail } from '../../../protocol/errors.ts';
import type { KeySource } from '../../identity/keys/key-source.ts';
import type { MemoryKind } from '../../identity/memory/kind.ts';
import { ANSWERS, answerOf, checkAnswer } from './answers.ts';
import type { AnswerName, Answers } from './answers.ts';
import { checkValue } from './argument.ts';
import type { Argument } from './argument.ts';
import { compoundParts } from './compound.ts';
import type { Parts } from './compound.ts';
import { ORDERS } from './orders.ts';
import { isShared, notesOfSeveral, readShared } from './shared.ts';
import type { BootInterface, OrderName, Orders, UnreachablePolicy } from './orders.ts';
import { checkTogether } from './together.ts';
import { place, splitCommandLine } from './split.ts';
import type { Word, Words } from './split.ts';

/** What a command line says: how to boot, and what the machine is to be. */
export interface CommandLine {
  readonly orders: Orders;
  readonly answers: Answers;
  /** What stands there and is left out, one sentence each: for whoever looks at the console */
  readonly notes: readonly string[];
}

/** Ours by its name: a misspelt one is an error, and not somebody else's. */
const OURS = 'coatcheck.';

/**
 * Reads the kernel's command line. Of an argument that is there several times the last counts, but
 * every `coatcheck.mirror=`; one of oVirt Node's with an empty value is as if it were not there.
 * Without `stateless` nothing else is looked at.
 *
 * @param text `/proc/cmdline`, one character for each byte (Latin-1)
 * @throws bad_argument, with the argument, its position and what is expected; never a secret
 */
export function readCommandLine(text: string): CommandLine {
  const words = byArgument(splitCommandLine(text));
  const order = (name: OrderName): string | undefined => valueOf(argumentOf(name), words.get(name));
  const isOrdered = (name: OrderName): boolean => order(name) === 'yes';
  if (!isOrdered('stateless')) return { orders: NOT_STATELESS, answers: {}, notes: [] };

  refuseUnknown(words);
  const { answers, notes } = readAnswers(words);
  checkTogether(answers);
  const { BOOTIF } = answers;
  const key = order('coatcheck.key');
  const mirrors = (words.get('coatcheck.mirror') ?? []).map((word) =>
    checkWord(argumentOf('coatcheck.mirror'), word),
  );
  const orders = {
    stateless: true,
    newConfiguration: isOrdered('firstboot') || isOrdered('reinstall'),
    rescue: isOrdered('rescue'),
    bootInterface: BOOTIF === undefined ? undefined : bootInterfaceOf(BOOTIF),
    bootInterfaceRequired: order('coatcheck.bootif') === 'required',
    server: order('coatcheck.server'),
    ca: order('coatcheck.ca'),
    key: key === undefined ? undefined : keySource(key),
    memory: order('coatcheck.memory') as MemoryKind | undefined,
    unreachable: order('coatcheck.unreachable') as UnreachablePolicy | undefined,
    mirrors,
    token: order('coatcheck.token'),
  };
  const given = Object.entries(orders).filter(([, value]) => value !== undefined);
  return { orders: Object.fromEntries(given) as unknown as Orders, answers, notes };
}

const NOT_STATELESS: Orders = {
  stateless: false,
  newConfiguration: false,
  rescue: false,
  bootInterfaceRequired: false,
  mirrors: [],
};

/** The words of each argument, by its name; the words of nobody's by their own. */
function byArgument(words: readonly Word[]): Map<string, Word[]> {
  const names = new Map<string, string>();
  for (const { name, alias } of [...ANSWERS, ...ORDERS]) {
    names.set(name, name);
    if (!name.startsWith(OURS)) names.set(`ovirt_${name}`, name);
    if (alias !== undefined) names.set(alias, name);
  }
  const found = new Map<string, Word[]>();
  for (const word of words) {
    const name = names.get(word.name) ?? word.name;
    found.set(name, [...(found.get(name) ?? []), word]);
  }
  return found;
}

const argumentOf = (name: OrderName): Argument => ORDERS.find((order) => order.name === name)!;

/** Of the last of an argument's words; undefined where there is none, or an empty one of oVirt's. */
function valueOf(argument: Argument, words: readonly Word[] = []): string | undefined {
  const word = words.at(-1);
  if (word === undefined || (word.value === '' && !argument.name.startsWith(OURS)))
    return undefined;
  return checkWord(argument, word);
}

const checkWord = (argument: Argument, word: Word): string =>
  checkValue(argument, word.value, place(word));

function readAnswers(words: Words): {
  answers: Answers;
  notes: readonly string[];
} {
  const said: Record<keyof Parts, Partial<Record<AnswerName, string>>> = {
    otherwise: {},
    alone: {},
    together: {},
  };
  const notes: string[] = [];
  const say = (
    how: keyof Parts,
    name: AnswerName,
    part: AnswerName,
    text: string | undefined,
    word: Word,
  ): void => {
    const where = `${part === name ? '' : ` in ${name}=`}${place(word)}`;
    said[how][part] = checkAnswer(part, text, where);
  };
  const shared = readShared(words);
  notes.push(...shared.notes, ...notesOfSeveral(words, shared.given));
  for (const { answer, text, word } of shared.given) {
    const isOwn = words.get(answer)?.includes(word) === true;
    if (isOwn && answer !== 'ip') say('alone', answer, answer, text, word);
    else if (OF_THE_ADDRESS.includes(answer)) say('together', 'ip', answer, text, word);
    else if (answerOf(answer).kind.canonical(text) !== undefined)
      say('otherwise', answer, answer, text, word);
    else notes.push(`ip=${place(word)}: left out is the ${answer} ${quote(text)}`);
  }
  for (const { name } of ANSWERS) {
    const word = words.get(name)?.at(-1);
    if (word === undefined || word.value === '') continue;
    if (isShared(name) && (word.value !== undefined || name === 'bond')) continue;
    const parts = compoundParts(name, word.value);
    for (const how of Object.keys(parts) as (keyof Parts)[]) {
      for (const [part, text] of Object.entries(parts[how]!) as [AnswerName, string?][]) {
        say(how, name, part, text, word);
      }
    }
  }
  const answers: Answers = { ...said.otherwise, ...said.alone, ...said.together };
  const unused = (['gateway', 'netmask'] as const).filter((name) => answers[name] !== undefined);
  if (unused.length > 0 && (answers.ip === 'dhcp' || answers.ip === 'off')) {
    const names = unused.map((name) => `${name}=`).join(' and ');
    notes.push(`${names} ${unused.length > 1 ? 'are' : 'is'} left out, since ip=${answers.ip}`);
  }
  return {
    answers: answers.rootpw === undefined ? answers : { adminpw: answers.rootpw, ...answers },
    notes,
  };
}

/** What an `ip=` says as one: an argument of its own does not change a part of it. */
const OF_THE_ADDRESS: readonly AnswerName[] = ['ip', 'netmask', 'gateway', 'ipv6'];

function refuseUnknown(words: Words): void {
  const ours = [...ORDERS, ...ANSWERS]
    .map(({ name }): string => name)
    .filter((name) => name.startsWith(OURS));
  for (const [name, [word]] of words) {
    if (!name.startsWith(OURS) || ours.some((known) => known === name)) continue;
    const what = `${quote(name)}${place(word!)}`;
    throw fail('bad_argument', `${what}: there is none but ${ours.join(', ')}`);
  }
}

/** @param canonical of `BOOTIF=` */
function bootInterfaceOf(canonical: string): BootInterface {
  if (canonical === 'link') return { by: 'link' };
  return canonical.includes(':') ? { by: 'mac', mac: canonical } : { by: 'name', name: canonical };
}

function keySource(canonical: string): KeySource {
  if (canonical.startsWith('file:')) return { from: 'file', path: canonical.slice('file:'.length) };
  return { from: canonical } as KeySource;
}
