import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildImage } from '../../image/build.ts';
import { readOptions } from '../../image/options.ts';
import { keptImage } from './image.ts';
import { openRack } from './lab.ts';
import type { Rack } from './lab.ts';

interface Pending {
  readonly pending: readonly { readonly node: string; readonly words: string }[];
}

const ARGUMENTS = 'ip=dhcp hostname=node9 swap=zram coatcheck.key=image';
const LOGIN = /^node9 login:/;

describe('a small machine, without systemd', () => {
  let rack: Rack | undefined;
  beforeAll(async () => {
    rack = await openRack('busybox', {
      image: (say) =>
        keptImage('busybox', async ({ home, key, date }, out) => {
          const args = ['--site', join(home, 'site.json'), '--image-key', key, '--out', out];
          const small = ['--flavour', 'busybox', '--append', ARGUMENTS, '--no-iso'];
          await buildImage(readOptions([...args, ...small], {}, date)!, say);
        }),
    });
  });
  afterAll(() => rack?.close());

  it('waits for its configuration, with nobody logging in, and names what needs systemd', async () => {
    const guest = await rack!.boot(41);
    await guest.line(/waits for an administrator/);
    const { pending } = await rack!.coatcheck<Pending>('pending');
    expect(pending).toHaveLength(1);
    expect(guest.said()).not.toMatch(/login:/);
    await rack!.coatcheck('approve', pending[0]!.node, '--yes');
    await guest.line(/FAILED swap: there is no systemd/);
    await guest.line(/applied decision 1: \d+ changed/);
    guest.type('\n');
    await guest.line(LOGIN);
    await guest.stop();
  });

  it('is ready at once the next time', async () => {
    const guest = await rack!.boot(41);
    await guest.line(/applied decision 1: \d+ changed/);
    guest.type('\n');
    await guest.line(LOGIN);
    expect(guest.said()).not.toMatch(/waits for an administrator/);
    await guest.stop();
  });
});
