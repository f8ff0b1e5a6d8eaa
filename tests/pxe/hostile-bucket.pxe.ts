import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { smallImage } from './image.ts';
import { openRack } from './lab.ts';
import type { Rack } from './lab.ts';
import { cli } from './programs.ts';

describe('10: a hostile bucket', () => {
  const boot = {
    append: 'ip=dhcp hostname=node10 coatcheck.key=image',
    loaded: true,
  } as const;
  const folder = mkdtempSync(join(tmpdir(), 'other-machine-'));
  let rack: Rack | undefined;
  let node: string;
  beforeAll(async () => {
    rack = await openRack('hostile-bucket', { image: smallImage, store: 'folder' });
  });
  afterAll(async () => {
    await rack?.close();
    rmSync(folder, { recursive: true });
  });
  const objectOf = (of: string): string =>
    join(rack!.home, 'store', 'objects', 'approved', `${of}.object`);

  /** Of the same site, with a decision of its own. */
  async function anotherMachine(): Promise<string> {
    const { coatcheck, home, network, proposal } = rack!;
    mkdirSync(join(folder, 'etc/coatcheck'), { recursive: true });
    copyFileSync(join(home, 'site.json'), join(folder, 'etc/coatcheck/site.json'));
    writeFileSync(join(folder, 'etc/hostname'), 'node20\n');
    const key = join(folder, 'key');
    await cli('coatcheck-agent', ['key', 'make', 'file', key]);
    await cli('coatcheck-agent', ['--root', folder, '--key', key, 'propose'], network.inside);
    const other = await proposal();
    await coatcheck('approve', other.node, '--yes');
    return other.node;
  }

  it("a machine applies nothing that has another byte or is another's, and goes on once its own is there", async () => {
    const other = await anotherMachine();
    const machine = await rack!.boot(10, boot);
    ({ node } = await rack!.proposal());
    const good = await machine.whilePaused(async () => {
      await rack!.coatcheck('approve', node, '--yes');
      const bytes = readFileSync(objectOf(node));
      writeFileSync(objectOf(node), flipped(bytes));
      return bytes;
    });
    await machine.line(/\[digest_mismatch\]/);
    copyFileSync(objectOf(other), objectOf(node));
    await machine.line(/\[not_this_node\]/);
    expect(machine.said()).not.toMatch(/applied decision|login:/);
    writeFileSync(objectOf(node), good);
    await machine.line(/applied decision 1/);
    await machine.stop();
  });

  it('a revoked machine applies nothing, and says why', async () => {
    await rack!.coatcheck('revoke', node, '--reason', 'stolen-in-may', '--yes');
    const machine = await rack!.boot(10, boot);
    await machine.line(/stolen-in-may/);
    expect(machine.said()).toMatch(/this machine was revoked/);
    expect(machine.said()).not.toMatch(/applied decision|login:/);
    await machine.stop();
  });
});

function flipped(bytes: Buffer): Buffer {
  const changed = Buffer.from(bytes);
  const at = changed.length - 100;
  changed[at] = changed[at]! ^ 1;
  return changed;
}
