import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Random, seedOfRun } from '../support/random.ts';
import { makeVariables, uefi } from './devices.ts';
import { smallImage } from './image.ts';
import { openRack } from './lab.ts';
import type { Machine, Rack } from './lab.ts';

/** What the write of a variable takes in an emulated machine, from the first byte that changes: ms */
const WRITE_MILLISECONDS = 100;

describe('15: the power goes while a memory in EFI variables is written', () => {
  const folder = mkdtempSync(join(tmpdir(), 'power-cut-'));
  const variables = join(folder, 'variables');
  const append = 'ip=dhcp hostname=node15 coatcheck.key=image coatcheck.memory=efi';
  const seed = seedOfRun();
  let rack: Rack | undefined;
  beforeAll(async () => {
    makeVariables(variables);
    rack = await openRack('power-cut', { image: smallImage, store: 'folder' });
  });
  afterAll(async () => {
    await rack?.close();
    rmSync(folder, { recursive: true });
  });

  it(`the next boot is whole, and what was remembered by then holds (seed ${seed})`, async () => {
    const { coatcheck, home, proposal, report } = rack!;
    const boot = (): Promise<Machine> =>
      rack!.boot(15, { append, args: uefi(variables), loaded: true });
    const approved = (node: string): string =>
      join(home, 'store', 'objects', 'approved', `${node}.object`);

    const first = await boot();
    const { node } = await proposal();
    const written = isWritten(variables, () => first.at(/^decision 2 by/) !== undefined);
    const older = await first.whilePaused(async () => {
      await coatcheck('approve', node, '--yes');
      const bytes = readFileSync(approved(node));
      await coatcheck('rollback', node, '1', '--yes');
      return bytes;
    });
    await written;
    await sleep(new Random(seed).below(WRITE_MILLISECONDS));
    await first.stop();

    const second = await boot();
    await second.line(/applied decision 2/);
    expect((await report(node)).report!.result).toMatch(
      /memory: efi, (nothing|decision 2) was remembered$/,
    );
    await second.stop();

    const newest = readFileSync(approved(node));
    writeFileSync(approved(node), older);
    const third = await boot();
    await third.line(/\[rollback_refused\]/);
    expect(third.said()).not.toMatch(/applied decision|login:/);
    writeFileSync(approved(node), newest);
    await third.line(/applied decision 2/);
    await third.stop();
    const { pending } = await coatcheck<{ pending: unknown[] }>('pending');
    expect(pending).toEqual([]);
  });
});

/** Once a file is another than it was, or once that is over. */
async function isWritten(file: string, isOver: () => boolean): Promise<void> {
  const stamp = (): bigint => statSync(file, { bigint: true }).mtimeNs;
  const before = stamp();
  while (stamp() === before && !isOver()) await sleep(1);
}
