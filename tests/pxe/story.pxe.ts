import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRack } from './lab.ts';
import type { Rack } from './lab.ts';

interface Pending {
  readonly pending: readonly { readonly node: string; readonly words: string }[];
}

describe('a machine without a disk', () => {
  let rack: Rack | undefined;
  let node: string;
  beforeAll(async () => {
    rack = await openRack();
  });
  afterAll(() => rack?.close());

  it('proposes what its command line says, and is ready once its words were approved', async () => {
    const guest = await rack!.boot(1);
    await guest.line(/waits for an administrator/);
    const { pending } = await rack!.coatcheck<Pending>('pending');
    expect(pending).toHaveLength(1);
    node = pending[0]!.node;
    expect(guest.lines.join('\n')).toContain(pending[0]!.words);
    expect(guest.lines.join('\n')).not.toMatch(/OpenBSD Secure Shell server|Login Prompts/);
    await rack!.coatcheck('approve', node, '--yes');
    await guest.line(/applied decision 1: 1 changed/);
    await guest.line(/Reached target multi-user\.target/);
    await guest.stop();
  });

  it('is ready at once the next time', async () => {
    const guest = await rack!.boot(1);
    await guest.line(/applied decision 1: 1 changed/);
    await guest.line(/Reached target multi-user\.target/);
    expect(guest.lines.join('\n')).not.toMatch(/waits for an administrator/);
    const { pending } = await rack!.coatcheck<Pending>('pending');
    expect(pending).toEqual([]);
    await guest.stop();
  });
});
