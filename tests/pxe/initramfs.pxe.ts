import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRack } from './lab.ts';
import type { Rack } from './lab.ts';
import { theirImage } from './their-image.ts';
import type { Generator } from './their-image.ts';

interface Pending {
  readonly pending: readonly { readonly node: string; readonly words: string }[];
}

describe.each<Generator>(['initramfs-tools', 'dracut'])('an initramfs of %s', (generator) => {
  let rack: Rack | undefined;
  let disk: string[];
  beforeAll(async () => {
    rack = await openRack(generator, { image: theirImage(generator) });
    const { folder } = await theirImage(generator)(() => undefined);
    // What is written to it is gone with the machine.
    disk = ['-drive', `file=${join(folder, 'root.ext4')},format=raw,if=virtio,snapshot=on`];
  });
  afterAll(() => rack?.close());

  it('puts the approved configuration into a root that has no agent, and starts it then', async () => {
    const guest = await rack!.boot(generator === 'dracut' ? 31 : 32, { args: disk });
    await guest.line(/waits for an administrator/);
    const { pending } = await rack!.coatcheck<Pending>('pending');
    expect(pending).toHaveLength(1);
    expect(guest.said()).not.toMatch(/Debian GNU\/Linux|login:/);
    await rack!.coatcheck('approve', pending[0]!.node, '--yes');
    await guest.line(/applied decision 1: \d+ changed/);
    await guest.line(/Welcome to Debian/);
    await guest.prompt(/ login:$/);
    await guest.stop();
  });
});
