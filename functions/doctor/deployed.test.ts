import { describe, expect, it } from 'vitest';
import { CREDENTIALS } from '../../protocol/permissions.ts';
import { guardStore } from '../../store/guard.ts';
import { createMemoryStore } from '../../store/memory.ts';
import type { ObjectStore } from '../../store/port.ts';
import { makeSite } from '../../tests/support/site.ts';
import { deployedProbes } from './deployed.ts';
import type { Lab } from './probe.ts';

const { site } = makeSite();
const MINUTE = 60_000;

/** A store that nobody reaches by URLs: probes end with the first, and that is enough to know that they began. */
function labOn(store: ObjectStore): Lab {
  const signer = {
    signGet: () => Promise.reject(new Error('no URLs here')),
    signPut: () => Promise.reject(new Error('no URLs here')),
  };
  const each = <T>(make: (name: (typeof CREDENTIALS)[number]) => T) =>
    Object.fromEntries(CREDENTIALS.map((name) => [name, make(name)])) as Record<
      (typeof CREDENTIALS)[number],
      T
    >;
  return {
    bucket: 'objects',
    stores: each((name) => guardStore(store, name)),
    signers: each(() => signer),
    lateSigners: each(() => signer),
    fetch: () => Promise.reject(new Error('no network here')),
  };
}

const TOO_SOON = expect.objectContaining({ code: 'too_soon' }) as Error;

describe('a deployment that is asked to probe itself', () => {
  it('does so once a minute, whichever of its processes is asked', async () => {
    const store = createMemoryStore();
    const start = Date.now();
    const at = (milliseconds: number) =>
      deployedProbes(labOn(store), site, () => start + milliseconds);
    expect(await at(0)()).toMatchObject([{ status: 'fail' }]);
    await expect(at(0)()).rejects.toThrow(/ask again in 60 seconds/);
    await expect(at(MINUTE / 2)()).rejects.toThrow(TOO_SOON);
    // By the clock of the store, which was read after ours.
    expect(await at(2 * MINUTE)()).toMatchObject([{ status: 'fail' }]);
  });

  it('does so for one of several that ask at once', async () => {
    const store = createMemoryStore();
    const asked = await Promise.allSettled(
      Array.from({ length: 4 }, () => deployedProbes(labOn(store), site)()),
    );
    const refused = asked.filter(({ status }) => status === 'rejected');
    expect(refused).toHaveLength(3);
    for (const one of refused) expect((one as PromiseRejectedResult).reason).toEqual(TOO_SOON);
  });

  it('probes, and still no more than once a minute, where the store refuses to say when it was', async () => {
    const refuse = () => Promise.reject(new Error('denied'));
    const broken = { ...createMemoryStore(), head: refuse };
    let now = 0;
    const probes = deployedProbes(labOn(broken), site, () => now);
    expect(await probes()).toMatchObject([{ status: 'fail' }]);
    now = MINUTE - 1;
    await expect(probes()).rejects.toThrow(TOO_SOON);
    now = MINUTE;
    expect(await probes()).toMatchObject([{ status: 'fail' }]);
  });
});
