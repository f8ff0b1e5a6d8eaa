import { MAX_TIME } from '../bundle/index.ts';
import { count } from '../protocol/count.ts';
import { fail } from '../protocol/errors.ts';
import { parseIsoTime } from '../protocol/iso-time.ts';

const UNITS = { m: 60, h: 3600, d: 86_400, w: 604_800 } as const;

/** `2026-11-24 08:13 UTC` of unix seconds. */
export function when(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

/**
 * `6 minutes ago` of unix seconds: in whole minutes, hours or days, rounded down.
 * @param now unix seconds
 */
export function ago(seconds: number, now = Date.now() / 1000): string {
  const passed = now - seconds;
  const found = AGO.find(([, length]) => passed >= length);
  return found === undefined ? 'just now' : `${count(Math.floor(passed / found[1]), found[0])} ago`;
}

const AGO = [
  ['day', UNITS.d],
  ['hour', UNITS.h],
  ['minute', UNITS.m],
] as const;

/**
 * Unix seconds of `--expires`: a time from now (`90m`, `12h`, `30d`, `8w`), or a date or time of
 * ISO 8601 (`2027-01-31`, `2027-01-31T12:00:00Z`; UTC unless it says otherwise).
 * @param now unix seconds
 * @param field what the error calls it
 * @returns `never` for that word
 * @throws usage for anything else, and for a time that is not in the future
 */
export function parseExpiry(text: string, now: number, field = '--expires'): number | 'never' {
  if (text === 'never') return text;
  const seconds = relative(text, now) ?? absolute(text);
  if (seconds === undefined) {
    throw fail(
      'usage',
      `${field} is a time from now in minutes, hours, days or weeks (90m, 12h, 30d, 8w), a date or a time (2027-01-31, 2027-01-31T12:00Z), or never`,
    );
  }
  if (seconds <= now || seconds > MAX_TIME) {
    throw fail('usage', `${field} must be in the future, and before the year 10000`);
  }
  return seconds;
}

function relative(text: string, now: number): number | undefined {
  const [, amount, unit] = /^(\d{1,6})([mhdw])$/.exec(text) ?? [];
  return amount && unit ? now + Number(amount) * UNITS[unit as keyof typeof UNITS] : undefined;
}

function absolute(text: string): number | undefined {
  const milliseconds = parseIsoTime(text);
  return milliseconds === undefined ? undefined : Math.floor(milliseconds / 1000);
}
