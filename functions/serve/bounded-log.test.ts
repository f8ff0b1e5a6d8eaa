import { describe, expect, it } from 'vitest';
import type { RequestLog } from '../app.ts';
import { boundLog, LOG_LIMITS } from './bounded-log.ts';

const entry = (status: number, more: Partial<RequestLog> = {}): RequestLog => ({
  ...{ method: 'GET', route: '/v1/health', status, milliseconds: 1 },
  ...more,
});

function watch(): { said: string[]; at: (ms: number) => void } & ReturnType<typeof boundLog> {
  const said: string[] = [];
  let now = 0;
  const bounded = boundLog(
    ({ status, reason = '' }) => void said.push(`${status}${reason}`),
    (count) => void said.push(`left out ${count}`),
    () => now,
  );
  return { said, at: (ms) => (now = ms), ...bounded };
}

describe('the log of a server', () => {
  it('has so many lines in a second, and says how many it left out', () => {
    const { said, at, log, flush } = watch();
    for (let i = 0; i < 5000; i++) log(entry(404));
    expect(said).toHaveLength(LOG_LIMITS.lines);
    at(1500);
    log(entry(200));
    expect(said.slice(LOG_LIMITS.lines)).toEqual([`left out ${5000 - LOG_LIMITS.lines}`, '200']);
    for (let i = 0; i < 100; i++) log(entry(200));
    flush();
    flush();
    expect(said.slice(LOG_LIMITS.lines + 2).at(-1)).toBe('left out 1');
  });
  it('hides no failure of the server behind the refusals of strangers', () => {
    const { said, log } = watch();
    for (let i = 0; i < 5000; i++) log(entry(404));
    for (let i = 0; i < 5000; i++) log(entry(503));
    expect(said.filter((line) => line === '503')).toHaveLength(LOG_LIMITS.failures);
  });
  it('has no line that is long', () => {
    const { said, log } = watch();
    log(entry(500, { reason: 'x'.repeat(100_000) }));
    expect(said).toEqual([`500${'x'.repeat(LOG_LIMITS.reasonCharacters)}…`]);
  });
});
