import { expect, it } from 'vitest';
import { settle } from './settle.ts';
import type { Systemctl, UnitState } from './systemctl.ts';

const RUNS: UnitState = {
  ...{ unit: 'a.service', load: 'loaded', active: 'active', sub: 'running', result: 'success' },
  ...{ canReload: false, reloadResult: 'success', checkedAt: 10, begunAt: 10 },
  ...{ conditionsHeld: true, assertsHeld: true, isWanted: true, hasJob: false },
};

async function failuresOf(state: Partial<UnitState>): Promise<string[]> {
  const systemctl: Systemctl = {
    isLive: true,
    ask: () => Promise.reject(new Error('nothing is asked')),
    show: () => Promise.resolve([{ ...RUNS, ...state }]),
  };
  const none = { reloaded: [], started: [], stopped: [], waiting: [], failed: [] };
  const { failed } = await settle(systemctl, { ...none, restarted: ['a.service'] }, 5);
  return failed.map(({ why }) => why);
}

it.each(['auto-restart', 'auto-restart-queued'])(
  'a unit that ended well and waits for its next start has not failed (%s)',
  async (sub) => {
    expect(await failuresOf({ active: 'activating', sub })).toEqual([]);
    expect(await failuresOf({ active: 'activating', sub, result: 'exit-code' })).toEqual([
      'it ends and is started anew: exit-code',
    ]);
  },
);

it('a unit that runs has not failed, and one that failed has', async () => {
  expect(await failuresOf({})).toEqual([]);
  expect(await failuresOf({ active: 'failed', result: 'timeout' })).toEqual(['it failed: timeout']);
});
