import { fail } from '../../protocol/errors.ts';

const MAX_SECONDS = 24 * 3600;

/** How long a key stays unlocked, in seconds. @param text `90m`, `8h` @throws usage */
export function secondsOf(text: string): number {
  const [, number, unit] = /^([1-9]\d{0,3})([smh])$/.exec(text) ?? [];
  const seconds = Number(number) * { s: 1, m: 60, h: 3600 }[(unit ?? 's') as 's'];
  if (seconds <= MAX_SECONDS) return seconds;
  throw fail('usage', '--for is how long: 30m, 8h, 24h at most');
}
