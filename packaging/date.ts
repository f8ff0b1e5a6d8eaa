import { fail } from '../protocol/errors.ts';

/**
 * The date of what is built, seconds since 1970: that of the environment, or now.
 * @throws usage where SOURCE_DATE_EPOCH is no number of seconds
 */
export function readDate(env: NodeJS.ProcessEnv, now: number): number {
  const text = env['SOURCE_DATE_EPOCH'];
  if (text === undefined || text === '') return now;
  if (!/^\d{1,11}$/.test(text)) {
    throw fail('usage', 'SOURCE_DATE_EPOCH is a number of seconds since 1970');
  }
  return Number(text);
}
