import { fail } from '../../protocol/errors.ts';
import type { Entry } from '../../protocol/accounts.ts';

/**
 * Whether a number is one of a system account. Debian policy 9.2: people have 1000 to 59999; what
 * is above 65535 comes from a directory.
 */
export function isSystem(id: string): boolean {
  const n = Number(id);
  return n < 1000 || (n >= 60_000 && n <= 65_535);
}

/** Numbers that something else goes by than an entry: no account is given one of them. */
export type Reserved = readonly (readonly [from: number, to: number])[];

/**
 * The number that each of a bundle's users, or groups, gets on this machine, by name. Entries
 * without a number get none.
 * @param base the machine's own entries, by name
 * @throws path_refused where no number is left
 */
export function assignNumbers(
  base: ReadonlyMap<string, Entry>,
  entries: readonly Entry[],
  reserved: Reserved,
): Map<string, string> {
  const mine = new Map(
    [...base].flatMap(([name, { 2: id }]) => (isNumber(id) ? [[name, id] as const] : [])),
  );
  const taken = new Map([...mine].map(([name, id]) => [Number(id), name]));
  const used = new Set([...taken.keys(), ...entries.map((entry) => Number(entry[2]))]);
  const moved = new Map<number, string>();
  const assigned = new Map<string, string>();

  for (const entry of entries) {
    const [name, , id] = entry;
    if (name === undefined || id === undefined) continue;
    const own = mine.get(name);
    const owner = taken.get(Number(id));
    if (own !== undefined && (isSystem(own) || isSystem(id))) assigned.set(name, own);
    else if (Number(id) === 0 || !isSystem(id) || owner === undefined || owner === name) {
      assigned.set(name, id);
    } else {
      // Two names of one number stay two names of one number.
      const free = moved.get(Number(id)) ?? highestFree(used, reserved);
      moved.set(Number(id), free);
      assigned.set(name, free);
    }
  }
  return assigned;
}

/** Of a line that is none the system takes no number either, whatever stands there. */
const isNumber = (text: string | undefined): text is string => /^[0-9]{1,10}$/.test(text ?? '');

/** The highest unused number of 100 to 999, where system accounts are made; marks it as used. */
function highestFree(used: Set<number>, reserved: Reserved): string {
  const isFree = (id: number): boolean =>
    !used.has(id) && reserved.every(([from, to]) => id < from || id > to);
  let id = 999;
  while (id >= 100 && !isFree(id)) id--;
  if (id < 100) {
    const why = 'every number of 100 to 999 is taken';
    throw fail('path_refused', `a system account needs another number here, and ${why}`);
  }
  used.add(id);
  return String(id);
}
