import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { smallImage } from './image.ts';
import { openRack } from './lab.ts';
import type { Rack } from './lab.ts';

interface Pending {
  readonly pending: readonly { readonly node: string; readonly words: string }[];
}

const append = 'ip=dhcp hostname=node9 swap=zram coatcheck.key=image';
const LOGIN = /^node9 login:$/;

describe('a small machine, without systemd', () => {
  let rack: Rack | undefined;
  beforeAll(async () => {
    rack = await openRack('busybox', { image: smallImage });
  });
  afterAll(() => rack?.close());

  it('waits for its configuration, with nobody logging in, and names what needs systemd', async () => {
    const guest = await rack!.boot(41, { append });
    await guest.line(/waits for an administrator/);
    const { pending } = await rack!.coatcheck<Pending>('pending');
    expect(pending).toHaveLength(1);
    expect(guest.said()).not.toMatch(/login:/);
    await rack!.coatcheck('approve', pending[0]!.node, '--yes');
    await guest.line(/FAILED swap: there is no systemd/);
    await guest.line(/applied decision 1: \d+ changed/);
    await guest.prompt(LOGIN);
    await guest.stop();
  });

  it('is ready at once the next time', async () => {
    const guest = await rack!.boot(41, { append });
    await guest.line(/applied decision 1: \d+ changed/);
    await guest.prompt(LOGIN);
    expect(guest.said()).not.toMatch(/waits for an administrator/);
    await guest.stop();
  });
});
