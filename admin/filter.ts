import { quote } from '../bundle/errors.ts';
import { fail } from '../protocol/errors.ts';
import { FILTER_FIELDS, IMAGES } from './filter-fields.ts';
import type { FilterField, TEXT_FIELDS, TIME_FIELDS } from './filter-fields.ts';
import { STATES } from './views/states.ts';
import { claimsOf, nameKey } from './views/status.ts';
import type { StatusView } from './views/status.ts';

/**
 * Which nodes are meant, by what is known of them (docs/config.md, "Which nodes"):
 *
 *     filter   = term *( " " term )                    all of them hold
 *     term     = field operator value *( "," value )   for one of the values; != and !~: for none
 *     operator = "=" / "!=" / "~" / "!~" / "<" / "<=" / ">" / ">="
 *     value    = 1*( any character but space, comma and quote ) / DQUOTE *( any but quote ) DQUOTE
 *
 * `=` is the whole value and `~` a glob, with `*` for any characters and `?` for one; neither minds
 * capitals. Of a node that has no such value only `!=` and `!~` hold.
 */
export interface Filter {
  readonly terms: readonly FilterTerm[];
}

/** One condition. */
export interface FilterTerm {
  readonly field: FilterField;
  readonly operator: Operator;
  /** of a time one, otherwise one or more */
  readonly values: readonly string[];
  /** of a time: seconds */
  readonly seconds?: number;
}

type Operator = '=' | '!=' | '~' | '!~' | '<' | '<=' | '>' | '>=';

const texts = {
  state: ({ states }: StatusView) => states,
  id: ({ node }: StatusView) => [node],
  words: ({ words }: StatusView) => [words],
  name: ({ name }: StatusView) => some(name),
  claim: claimsOf,
  type: ({ decision }: StatusView) => some(decision?.type),
  by: ({ decision }: StatusView) => decision?.decidedBy ?? [],
  reason: ({ decision }: StatusView) => some(decision?.reason),
  says: ({ machine }: StatusView) =>
    some(machine !== undefined && 'result' in machine ? machine.result : undefined),
  image: imagesOf,
} as const satisfies Record<(typeof TEXT_FIELDS)[number], (view: StatusView) => readonly string[]>;

function imagesOf({ machine }: StatusView): readonly (typeof IMAGES)[number][] {
  const attested = machine !== undefined && 'attested' in machine ? machine.attested : undefined;
  if (attested?.image === undefined) return ['none'];
  const { approved, faults, known, newest } = attested;
  const age = newest === undefined ? 'newest' : 'lags';
  if (!approved || faults.length > 0) return [age, 'claims'];
  return known === undefined ? [age] : [age, 'known'];
}

/** Seconds, or undefined where there is no such time. @param now unix seconds */
const times = {
  age: ({ since }: StatusView, now: number) => ago(since, now),
  reported: ({ machine }: StatusView, now: number) => ago(machine?.stored, now),
  expires: ({ decision }: StatusView, now: number) =>
    decision?.expires === undefined ? undefined : decision.expires - now,
} as const satisfies Record<
  (typeof TIME_FIELDS)[number],
  (view: StatusView, now: number) => number | undefined
>;

const UNITS = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 } as const;

const some = <T>(value: T | undefined): readonly T[] => (value === undefined ? [] : [value]);

const ago = (then: number | undefined, now: number): number | undefined =>
  then === undefined ? undefined : now - then;

/** Of fields that have no other values than these. */
const CLOSED: Partial<Record<FilterField, readonly string[]>> = { state: STATES, image: IMAGES };

const isTime = (field: FilterField): field is keyof typeof times => Object.hasOwn(times, field);

/** Whether a text is meant as a filter: no id, word or host name has an operator in it. */
export const isFilter = (text: string): boolean => /[=~<>]/.test(text);

/** @throws usage, with the character that it is about, from 1 */
export function parseFilter(text: string): Filter {
  const terms: FilterTerm[] = [];
  const token = /\s*(?:([a-zA-Z-]*)(!=|!~|<=|>=|=|~|<|>)((?:"[^"]*"|[^\s"])*)|(\S+))/gy;
  for (const [whole, field = '', operator = '', value = '', other] of text.matchAll(token)) {
    const at = text.indexOf(whole) + whole.length - whole.trimStart().length + 1;
    const wrong = (why: string): Error =>
      fail('usage', `a filter, at character ${at} (${quote(whole.trim())}): ${why}`);
    if (other !== undefined) throw wrong('this is no FIELD=VALUE');
    terms.push(term(field, operator as Operator, value, wrong));
  }
  if (terms.length === 0) throw fail('usage', 'an empty filter selects nothing: give FIELD=VALUE');
  return { terms };
}

function term(
  name: string,
  operator: Operator,
  text: string,
  wrong: (why: string) => Error,
): FilterTerm {
  const field = FILTER_FIELDS.find((one) => one === name);
  if (field === undefined) {
    throw wrong(`there is no field ${quote(name)}; there are ${FILTER_FIELDS.join(', ')}`);
  }
  const values = [...text.matchAll(/("[^"]*"|[^,"])+/g)].map(([value]) =>
    value.replaceAll('"', ''),
  );
  if (values.length === 0) throw wrong(`${field} is compared with nothing`);
  if (isTime(field)) {
    if (!/^[<>]=?$/.test(operator)) throw wrong(`${field} is a time: give <, <=, > or >=`);
    const [, amount, unit] = /^(\d{1,9})([smhdw])$/.exec(values[0]!) ?? [];
    if (amount === undefined || values.length > 1) {
      throw wrong(`${field} is compared with a time such as 90m, 12h or 14d`);
    }
    const seconds = Number(amount) * UNITS[unit as keyof typeof UNITS];
    return { field, operator, values, seconds };
  }
  if (/[<>]/.test(operator)) throw wrong(`${field} is no time: give =, !=, ~ or !~`);
  const known = CLOSED[field];
  const unknown = values.find((value) => known?.includes(value) === false);
  if (operator.endsWith('=') && unknown !== undefined) {
    throw wrong(`there is no ${field} ${quote(unknown)}; there are ${known!.join(', ')}`);
  }
  return { field, operator, values };
}

/** Whether all of a filter holds of a node. @param now unix seconds */
export const matchesFilter = ({ terms }: Filter, view: StatusView, now: number): boolean =>
  terms.every((one) => holds(one, view, now));

function holds(
  { field, operator, values, seconds = 0 }: FilterTerm,
  view: StatusView,
  now: number,
) {
  if (isTime(field)) {
    const time = times[field](view, now);
    if (time === undefined) return false;
    if (operator === '<') return time < seconds;
    if (operator === '<=') return time <= seconds;
    return operator === '>' ? time > seconds : time >= seconds;
  }
  const has = texts[field](view);
  const isOne = has.some((text) =>
    values.some((value) =>
      operator.endsWith('~') ? matchesGlob(value, text) : nameKey(value) === nameKey(text),
    ),
  );
  return operator.startsWith('!') ? !isOne : isOne;
}

/** Whether `text` is as `glob` says: `*` for any characters, `?` for one. In linear time but for one factor. */
export function matchesGlob(glob: string, text: string): boolean {
  const [pattern, value] = [nameKey(glob), nameKey(text)];
  let [at, i, star, from] = [0, 0, -1, 0];
  while (i < value.length) {
    if (at < pattern.length && pattern[at] === '*') {
      [star, from] = [at++, i];
    } else if (at < pattern.length && (pattern[at] === '?' || pattern[at] === value[i])) {
      at++;
      i++;
    } else if (star >= 0) {
      [at, i] = [star + 1, ++from];
    } else {
      return false;
    }
  }
  while (pattern[at] === '*') at++;
  return at === pattern.length;
}
