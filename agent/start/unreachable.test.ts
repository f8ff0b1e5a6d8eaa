import { describe, expect, it } from 'vitest';
import { fail } from '../../protocol/errors.ts';
import type { Look } from '../boot/source.ts';
import { policyOf, watchOutage } from './unreachable.ts';

describe('what the command line orders for servers that fail', () => {
  it('is to wait, unless it says otherwise or names a mirror', () => {
    expect(policyOf({ mirrors: [] })).toBe('wait');
    expect(policyOf({ mirrors: ['usb'] })).toBe('mirror');
    expect(policyOf({ mirrors: ['usb'], unreachable: 'wait' })).toBe('wait');
    expect(policyOf({ mirrors: [], unreachable: 'prompt' })).toBe('prompt');
  });

  it('cannot be to look into mirrors that it does not name', () => {
    expect(() => policyOf({ mirrors: [], unreachable: 'mirror' })).toThrow(
      expect.objectContaining({ code: 'bad_argument' }),
    );
  });
});

it('an outage lasts from the first failure to the next answer', async () => {
  const failed: Look = { state: 'failed', error: fail('server_unreachable', 'gone') };
  const looks: Look[] = [failed, failed, { state: 'nothing' }, failed];
  let now = 0;
  const outage = watchOutage(
    {
      inForce: () => Promise.resolve(looks.shift()!),
      rejection: () => Promise.resolve({ state: 'nothing' }),
    },
    () => now,
  );
  const after: number[] = [];
  for (let i = 0; i < 4; i++) {
    now += 10_000;
    await outage.source.inForce();
    now += 5000;
    after.push(outage.seconds());
  }
  expect(after).toEqual([5, 20, 0, 5]);
});
