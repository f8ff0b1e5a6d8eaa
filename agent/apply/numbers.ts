import type { Entry } from './accounts.ts';

/**
 * Whether a number is one of a system account. Debian policy 9.2: people have 1000 to 59999; what
 * is above 65535 comes from a directory.
 */
export function isSystem(id: string): boolean {
  const n = Number(id);
  return n < 1000 || (n >= 60_000 && n <= 65_535);
}

/**
 * The number that each of a bundle's users, or groups, gets on this machine, by name. Entries
 * without a number get none.
 * @param base the machine's own entries, by name
 */
export function assignNumbers(
  base: ReadonlyMap<string, Entry>,
  entries: readonly Entry[],
): Map<string, string> {
  const taken = new Map<string, string>();
  for (const [name, entry] of base) if (entry[2] !== undefined) taken.set(entry[2], name);
  const used = new Set([...taken.keys(), ...entries.map((entry) => entry[2])]);
  const moved = new Map<string, string>();
  const assigned = new Map<string, string>();

  for (const entry of entries) {
    const [name, , id] = entry;
    if (name === undefined || id === undefined) continue;
    const own = base.get(name)?.[2];
    const owner = taken.get(id);
    if (own !== undefined && (isSystem(own) || isSystem(id))) assigned.set(name, own);
    else if (id === '0' || !isSystem(id) || owner === undefined || owner === name) {
      assigned.set(name, id);
    } else {
      // Two names of one number stay two names of one number.
      if (!moved.has(id)) moved.set(id, highestFree(used));
      assigned.set(name, moved.get(id)!);
    }
  }
  return assigned;
}

/** The highest unused number of 100 to 999, where system accounts are made; marks it as used. */
function highestFree(used: Set<string | undefined>): string {
  let id = 999;
  while (used.has(String(id)) && id > 100) id--;
  used.add(String(id));
  return String(id);
}
