import { expect, it } from 'vitest';
import { fail } from '../../protocol/errors.ts';
import { watchOutage } from './outage.ts';
import type { Look } from './source.ts';

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
