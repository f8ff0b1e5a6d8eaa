import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startChip } from './devices.ts';
import { smallImage } from './image.ts';
import { openRack } from './lab.ts';
import type { Machine, Rack } from './lab.ts';

describe('5: the key and the memory in a TPM', () => {
  const append = 'ip=dhcp hostname=node5 coatcheck.key=tpm coatcheck.memory=tpm';
  const chips = ['one', 'two'].map((name) => mkdtempSync(join(tmpdir(), `tpm-${name}-`)));
  let rack: Rack | undefined;
  let node: string;
  beforeAll(async () => {
    rack = await openRack('tpm', { image: smallImage, store: 'folder' });
  });
  afterAll(async () => {
    await rack?.close();
    for (const chip of chips) rmSync(chip, { recursive: true });
  });

  /** Switches the machine on with a chip on its board, until `use` is done. */
  async function withChip(chip: string, use: (machine: Machine) => Promise<void>): Promise<void> {
    const board = await startChip(chip);
    const machine = await rack!.boot(5, { append, args: board.args, loaded: true });
    try {
      await use(machine);
    } finally {
      await machine.stop();
      await board.stop();
    }
  }

  const approvedFile = (): string =>
    join(rack!.home, 'store', 'objects', 'approved', `${node}.object`);

  it('give the same machine at the next boot, which refuses an older decision', async () => {
    const { proposal, coatcheck, report } = rack!;
    let older: Buffer;
    await withChip(chips[0]!, async (machine) => {
      let words: string;
      ({ node, words } = await proposal());
      await machine.line(new RegExp(words));
      older = await machine.whilePaused(async () => {
        await coatcheck('approve', node, '--yes');
        const bytes = readFileSync(approvedFile());
        await coatcheck('rollback', node, '1', '--yes');
        return bytes;
      });
      await machine.line(/applied decision 2/);
      expect((await report(node)).report!.result).toMatch(/memory: tpm, nothing was remembered$/);
    });
    // Whoever can write the bucket puts the older decision back.
    const newest = readFileSync(approvedFile());
    writeFileSync(approvedFile(), older!);
    await withChip(chips[0]!, async (machine) => {
      await machine.line(/\[rollback_refused\]/);
      expect(machine.said()).not.toMatch(/applied decision|login:/);
      writeFileSync(approvedFile(), newest);
      await machine.line(/applied decision 2/);
      expect((await report(node)).report!.result).toMatch(
        /memory: tpm, decision 2 was remembered$/,
      );
    });
  });

  it('give another machine with another chip', async () => {
    await withChip(chips[1]!, async () => {
      expect((await rack!.proposal()).node).not.toBe(node);
    });
  });
});
