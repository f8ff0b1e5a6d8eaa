import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { utf8 } from '../../bundle/bytes.ts';
import { codeOf } from '../../protocol/errors.ts';
import { approvedKey } from '../../protocol/keys.ts';
import { createWebdavClient } from '../../store/webdav-client.ts';
import type { WebdavClient, WebdavOptions } from '../../store/webdav-client.ts';
import { SILENT_SECONDS, takeLease, VALID_SECONDS } from '../../store/webdav-lease.ts';
import type { Lease } from '../../store/webdav-lease.ts';
import { createWebdavStore, makeWebdavStore } from '../../store/webdav.ts';
import { startApache } from '../support/apache.ts';
import type { Apache } from '../support/apache.ts';
import { describeWith } from '../support/components.ts';
import { node } from './store-contract.ts';

describeWith('apache', 'the lease of a WebDAV server, on a real Apache', () => {
  let apache: Apache;
  let place: WebdavOptions & { readonly files: string };
  let client: WebdavClient;
  /** Of all that take a lease here: they hear of time only when a test says so. */
  let now: number;
  const clock = (): { steady: number; wall: number } => ({ steady: now * 1000, wall: now * 1000 });

  beforeAll(async () => {
    apache = await startApache();
  });
  afterAll(async () => {
    await (apache as Apache | undefined)?.stop();
  });
  beforeEach(async () => {
    now = 1000;
    place = apache.collection();
    client = createWebdavClient(place);
    await makeWebdavStore(client);
  });

  /** @param during is called while a silent holder is watched, each time that it is looked at */
  const take = (during: (waited: number) => Promise<void> | void = () => undefined) =>
    takeLease({
      client,
      clock,
      wait: async (seconds) => {
        now += seconds;
        await during(seconds);
      },
    });
  /** Makes the newest holder a process of which nobody here knows anything. */
  function moveAway(): void {
    const leases = join(place.files, 'lease');
    const holder = join(leases, fs.readdirSync(leases).sort().at(-1)!, 'holder');
    const [label, token, pid, start, space] = fs.readFileSync(holder, 'utf8').split('.');
    const elsewhere = [label, token, pid, start, space, 'b00f-0', 'hosta'].join('.');
    fs.writeFileSync(holder, elsewhere);
  }
  const mayWrite = async (lease: Lease): Promise<string> =>
    lease.writing(() => Promise.resolve('yes')).catch(codeOf);

  it('is not given to a second one, who hears who has it', async () => {
    const lease = await take();
    expect(await mayWrite(lease)).toBe('yes');
    await expect(take()).rejects.toMatchObject({
      code: 'in_use',
      message: expect.stringContaining(`process ${process.pid} on`) as string,
    });
    expect(await mayWrite(lease)).toBe('yes');
    await lease.release();
    expect(await mayWrite(lease)).toBe('store_unavailable');
    const next = await take();
    expect(await mayWrite(next)).toBe('yes');
    expect(await mayWrite(lease)).toBe('store_unavailable');
  });

  it('goes to one of many who ask at once', async () => {
    const told = await Promise.allSettled(Array.from({ length: 12 }, () => takeLease({ client })));
    const won = told.filter(({ status }) => status === 'fulfilled');
    expect(won).toHaveLength(1);
    for (const one of told)
      if (one.status === 'rejected') expect(codeOf(one.reason)).toBe('in_use');
    expect(await mayWrite((won[0] as PromiseFulfilledResult<Lease>).value)).toBe('yes');
  });

  it('ends by itself where nobody could be asked, and goes on when somebody answers', async () => {
    const lease = await take();
    const store = createWebdavStore(client, lease.writing);
    now += VALID_SECONDS - 1;
    await store.create(approvedKey(node(1)), utf8('one'));
    now += 1;
    const refused = { code: 'store_unavailable' };
    await expect(store.create(approvedKey(node(2)), utf8('two'))).rejects.toMatchObject(refused);
    expect(await store.get(approvedKey(node(2)), { maxBytes: 9 })).toBeUndefined();
    expect((await store.get(approvedKey(node(1)), { maxBytes: 9 }))?.size).toBe(3);
    await apache.restart([['Require valid-user', 'Require all denied']]);
    await lease.renew();
    expect(await mayWrite(lease)).toBe('store_unavailable');
    await apache.restart();
    await lease.renew();
    await store.create(approvedKey(node(2)), utf8('two'));
  });

  it('counts the time in which the machine slept, and believes no clock that was set back', async () => {
    let steady = 0;
    let wall = 1_000_000;
    const lease = await takeLease({ client, clock: () => ({ steady, wall }) });
    wall += VALID_SECONDS * 1000;
    expect(await mayWrite(lease)).toBe('store_unavailable');
    await lease.renew();
    expect(await mayWrite(lease)).toBe('yes');
    wall -= 3_600_000;
    steady += VALID_SECONDS * 1000;
    expect(await mayWrite(lease)).toBe('store_unavailable');
  });

  it('stays with one of another machine who says that he lives', async () => {
    const lease = await take();
    moveAway();
    await expect(take(() => lease.renew())).rejects.toMatchObject({
      code: 'in_use',
      message: expect.stringContaining('on hosta') as string,
    });
    expect(await mayWrite(lease)).toBe('yes');
  });

  it('is taken from one of another machine who was silent, not before he has stopped by himself', async () => {
    const lease = await take();
    moveAway();
    const since = now;
    const next = await take(async () => {
      if (now - since >= VALID_SECONDS) expect(await mayWrite(lease)).toBe('store_unavailable');
    });
    expect(now - since).toBeGreaterThanOrEqual(SILENT_SECONDS);
    expect(await mayWrite(next)).toBe('yes');
    await lease.renew();
    expect(await mayWrite(lease)).toBe('store_unavailable');
    expect(await mayWrite(next)).toBe('yes');
    expect(fs.readdirSync(join(place.files, 'lease')).filter((name) => /^\d+$/.test(name))).toEqual(
      ['0000000002'],
    );
  });

  describe('of one who speaks in the last moment', () => {
    it('waits until what he may still begin has ended', async () => {
      const lease = await take();
      moveAway();
      let looks = 0;
      const since = now;
      // After the last look at him, before the next number is made: as MKCOL is on its way.
      const slow: WebdavClient = {
        ...client,
        async ask(asked) {
          if (asked.method === 'MKCOL' && asked.path !== 'lease/') {
            await lease.renew();
            looks++;
          }
          return client.ask(asked);
        },
      };
      const next = await takeLease({
        client: slow,
        clock,
        wait: (seconds) => {
          now += seconds;
          return Promise.resolve();
        },
      });
      expect(looks).toBe(1);
      expect(now - since).toBeGreaterThanOrEqual(2 * SILENT_SECONDS);
      expect(await mayWrite(lease)).toBe('store_unavailable');
      expect(await mayWrite(next)).toBe('yes');
    });
  });

  it('is given back when what is under way has ended', async () => {
    const lease = await take();
    const order: string[] = [];
    let end!: () => void;
    const write = lease
      .writing(() => new Promise<void>((resolve) => (end = resolve)))
      .then(() => order.push('written'));
    const released = lease.release().then(() => order.push('released'));
    await expect(take()).rejects.toMatchObject({ code: 'in_use' });
    end();
    await Promise.all([write, released]);
    expect(order).toEqual(['written', 'released']);
    expect(await mayWrite(await take())).toBe('yes');
  });
});
