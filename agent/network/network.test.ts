import { describe, expect, it } from 'vitest';
import { fail } from '../../protocol/errors.ts';
import type { BootInterface } from '../answers/cmdline/orders.ts';
import type { Interface } from './interfaces.ts';
import type { Lease } from './lease.ts';
import { openNetwork } from './network.ts';
import type { NetworkOptions } from './network.ts';

const PORT: Interface = {
  ...{ name: 'eth7', index: 7, mac: '52:54:00:77:00:07', hasLink: true, isPort: true },
};
const LEASE: Lease = {
  ...{ interface: 'eth7', addresses: ['10.77.0.50/24'], search: [], dns: ['10.77.0.1'] },
};
const orders = { bootInterfaceRequired: false };
const noAnswer = fail('network_down', 'no DHCP server answers');

/** A network whose tries end like this, one after another; the last one for ever. */
async function lab(tries: (Lease | Error)[], options: NetworkOptions = {}) {
  let now = 0;
  let tried = 0;
  const bring = async (): Promise<Lease> => {
    const result = tries[Math.min(tried++, tries.length - 1)]!;
    if (result instanceof Error) throw result;
    return Promise.resolve(result);
  };
  const network = await openNetwork(orders, {
    choose: () => Promise.resolve(PORT),
    look: () => Promise.resolve(undefined),
    elapsed: () => now,
    bring,
    ...options,
  });
  const check = async (afterSeconds: number): Promise<unknown> => {
    now += afterSeconds * 1000;
    return await network.check().catch((error: unknown) => error);
  };
  return { network, check, tried: () => tried };
}

describe('the network of a boot', () => {
  it('is what the first try brought up', async () => {
    const { network, check, tried } = await lab([LEASE]);
    expect(await check(60)).toBeUndefined();
    expect([tried(), network.lease, network.bootDevice()]).toEqual([1, LEASE, { name: 'eth7' }]);
  });

  it('is told as down while it is, and tried again after a rest: nobody waits for that', async () => {
    const { network, check, tried } = await lab([noAnswer, noAnswer, LEASE]);
    const { lease } = network;
    expect([await check(1), tried()]).toEqual([noAnswer, 1]);
    expect([await check(20), tried()]).toEqual([noAnswer, 2]);
    expect([await check(20), tried()]).toEqual([noAnswer, 3]);
    await expect.poll(() => lease.dns).toEqual(['10.77.0.1']);
    expect([await check(0), tried()]).toEqual([undefined, 3]);
  });

  it('has one try at a time', async () => {
    let release = (): void => undefined;
    const slow = new Promise<void>((resolve) => (release = resolve));
    let tried = 0;
    const bring = async (): Promise<Lease> => {
      if (tried++ > 0) await slow;
      throw noAnswer;
    };
    const { check } = await lab([], { bring });
    for (let i = 0; i < 3; i++) expect(await check(20)).toBe(noAnswer);
    expect(tried).toBe(2);
    release();
  });

  it('is left to what is applied while that goes on', async () => {
    const { network, check, tried } = await lab([noAnswer]);
    await network.undisturbed(async () => {
      expect([await check(60), tried()]).toEqual([noAnswer, 1]);
    });
    expect([await check(0), tried()]).toEqual([noAnswer, 2]);
  });

  it('is not asked for an address afterwards by a try that waited for its interface', async () => {
    let plugIn = (): void => undefined;
    const plugged = new Promise<void>((resolve) => (plugIn = resolve));
    let looked = 0;
    const choose = async (): Promise<Interface> => {
      if (looked++ === 0) throw noAnswer;
      await plugged;
      return PORT;
    };
    const { network, check, tried } = await lab([LEASE], { choose });
    await check(60);
    await network.undisturbed(() => Promise.resolve());
    plugIn();
    expect([await check(60), looked, tried()]).toEqual([noAnswer, 2, 0]);
  });

  it('is not asked for an address by a try that is under way: it is ended first', async () => {
    const events: string[] = [];
    let tried = 0;
    const bring = async (_: Interface, over: AbortSignal): Promise<Lease> => {
      if (tried++ === 0) throw noAnswer;
      await new Promise((resolve) => over.addEventListener('abort', resolve));
      await Promise.resolve();
      events.push('ended');
      throw fail('network_down', 'killed');
    };
    const { network, check } = await lab([], { bring });
    expect(await check(20)).toBe(noAnswer);
    await expect.poll(() => tried).toBe(2);
    await network.undisturbed(async () => void events.push('applied'));
    expect(events).toEqual(['ended', 'applied']);
    // What it was ended with is no reason of its own, and the next one begins after the usual rest.
    expect([await check(0), tried]).toEqual([noAnswer, 2]);
    await check(20);
    await expect.poll(() => tried).toBe(3);
  });

  it('is asked again as long as all that there is is an address that a router advertised', async () => {
    const bare: Lease = { ...LEASE, addresses: ['fd77::5/64'], dns: [], isBare: true };
    const { network, check, tried } = await lab([bare, LEASE]);
    expect(network.lease).toMatchObject({ isBare: true, dns: [] });
    expect([await check(1), tried()]).toEqual([undefined, 1]);
    expect([await check(20), tried()]).toEqual([undefined, 2]);
    await expect.poll(() => network.lease).toEqual(LEASE);
    expect([await check(20), tried()]).toEqual([undefined, 2]);
  });

  it('is what it is when it is asked for: a lease that came later counts', async () => {
    let now: Lease | undefined;
    const { network, check } = await lab([LEASE], { look: () => Promise.resolve(now) });
    await check(1);
    expect(network.lease.dns).toEqual(['10.77.0.1']);
    now = { ...LEASE, domain: 'lab.test' };
    await check(1);
    expect(network.lease.domain).toBe('lab.test');
    now = LEASE;
    await check(1);
    expect(network.lease).toEqual(LEASE);
  });

  it('is seen at once where something else brings it up', async () => {
    let isUp = false;
    const look = (): Promise<Lease | undefined> => Promise.resolve(isUp ? LEASE : undefined);
    const { network, check, tried } = await lab([noAnswer], { look });
    expect(await check(1)).toBe(noAnswer);
    isUp = true;
    expect(await check(1)).toBeUndefined();
    expect([tried(), network.lease.addresses]).toEqual([1, LEASE.addresses]);
  });

  it('is not opened where the command line is wrong, and hides no bug', async () => {
    const wrong = fail('bad_argument', 'no BOOTIF');
    await expect(lab([], { choose: () => Promise.reject(wrong) })).rejects.toBe(wrong);
    const bug = new TypeError('a bug');
    const { check } = await lab([noAnswer, bug]);
    await check(20);
    await expect.poll(() => check(0)).toBe(bug);
  });

  it('has the interface that is ordered, where it was never there', async () => {
    const away = { choose: () => Promise.reject(noAnswer) };
    const none = async (bootInterface: BootInterface) =>
      (await openNetwork({ ...orders, bootInterface }, away)).bootDevice();
    expect(await none({ by: 'name', name: 'enp9s0' })).toEqual({ name: 'enp9s0' });
    expect(await none({ by: 'mac', mac: PORT.mac })).toEqual({ name: 'eth0', mac: PORT.mac });
  });
});
