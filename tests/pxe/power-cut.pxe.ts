import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { seedOfRun } from '../support/random.ts';
import { cutting } from './cut.ts';
import { makeVariables, NV_FILE, plugged, startChip, uefi } from './devices.ts';
import { smallImage } from './image.ts';
import { openRack } from './lab.ts';
import type { Machine, Rack } from './lab.ts';
import { cli, must } from './programs.ts';

/** A machine's key and its memory, in what outlives its power. */
interface Board {
  readonly key: string;
  /** Where this machine here has what the memory keeps. */
  readonly kept: string;
  /** What a write may take in an emulated machine, from the first byte that changes: ms */
  readonly within: number;
  /** QEMU's arguments, and what goes off with the machine. */
  readonly on: () => Promise<{
    readonly args: readonly string[];
    readonly off?: () => Promise<void>;
  }>;
}

/** By the kind of the memory; what they keep is below a folder. */
const BOARDS = {
  /** The key on another stick, with iso9660. */
  stick: async (folder: string): Promise<Board> => {
    const [key, memory] = [join(folder, 'key.iso'), join(folder, 'memory')];
    const file = keyFileIn(folder);
    await cli('coatcheck-agent', ['key', 'make', 'file', file]);
    await must(['xorriso', '-as', 'mkisofs', '-quiet', '-r', '-V', 'COATCHECK', '-o', key, file]);
    await must(['truncate', '--size=4M', memory]);
    const table = 'label: gpt\nsize=1MiB, name=COATCHECK-MEM\n';
    await must(['sh', '-c', `printf '${table}' | sfdisk --quiet "$0"`, memory]);
    const args = plugged(key, memory);
    return { key: 'usb', kept: memory, within: 50, on: async () => ({ args }) };
  },
  tpm: async (folder: string): Promise<Board> => ({
    ...{ key: 'tpm', kept: join(folder, NV_FILE), within: 1000 },
    on: async () => {
      const chip = await startChip(folder);
      return { args: chip.args, off: () => chip.stop() };
    },
  }),
  efi: async (folder: string): Promise<Board> => {
    const kept = join(folder, 'variables');
    makeVariables(kept);
    return { key: 'image', kept, within: 100, on: async () => ({ args: uefi(kept) }) };
  },
};

const keyFileIn = (folder: string): string => join(folder, 'coatcheck.key');

let folder: string;
let rack: Rack | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'power-cut-'));
});
afterEach(async () => {
  await rack?.close();
  rmSync(folder, { recursive: true });
});

const seed = seedOfRun();

describe.each(Object.entries(BOARDS))('15: a memory in %s', (kind, make) => {
  it(`is the old or the new where the power goes while it is written, and holds (seed ${seed})`, async () => {
    rack = await openRack(`power-cut-${kind}`, { image: smallImage, store: 'folder' });
    const { coatcheck, proposal, report } = rack;
    const board = await make(folder);
    const boot = (): Promise<Machine> => bootOn(board, kind);

    const first = await boot();
    const { node } = await proposal();
    const cut = cutting(seed)(first, { ...board, at: /^decision 2 by/ });
    const older = await first.whilePaused(async () => {
      await coatcheck('approve', node, '--yes');
      const bytes = readFileSync(approved(node));
      await coatcheck('rollback', node, '1', '--yes');
      return bytes;
    });
    await cut;

    const second = await boot();
    await second.line(/applied decision 2/);
    expect((await report(node)).report!.result).toMatch(
      new RegExp(`memory: ${kind}, (nothing|decision 2) was remembered$`),
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

describe('15: an apply', () => {
  /** So that it takes some seconds in an emulated machine. */
  const FILES = 1000;

  it(`is done anew, and whole, where the power goes in it: only the memory is left of that boot (seed ${seed})`, async () => {
    rack = await openRack('power-cut-apply', { image: smallImage, store: 'folder' });
    const { coatcheck, home, network, proposal, report } = rack;
    const board = await BOARDS.stick(folder);
    const root = join(folder, 'root');
    for (const path of ['etc/coatcheck', 'etc/chrony/sources.d']) {
      mkdirSync(join(root, path), { recursive: true });
    }
    cpSync(join(home, 'site.json'), join(root, 'etc/coatcheck/site.json'));
    writeFileSync(join(root, 'etc/hostname'), 'node15\n');
    for (let i = 0; i < FILES; i++) {
      writeFileSync(join(root, `etc/chrony/sources.d/${i}.sources`), `server ${i}.example\n`);
    }
    const propose = ['--root', root, '--key', keyFileIn(folder), 'propose'];
    await cli('coatcheck-agent', propose, network.inside);
    const { node } = await proposal();
    await coatcheck('approve', node, '--yes');

    const first = await bootOn(board, 'stick');
    await cutting(seed)(first, { kept: board.kept, within: 8000 });

    const second = await bootOn(board, 'stick');
    await second.line(new RegExp(`applied decision 1: ${FILES + 1} changed, 0 removed, 0 as`));
    expect((await report(node)).report!.result).toMatch(
      /memory: stick, (nothing|decision 1) was remembered$/,
    );
    await second.stop();
  });
});

const approved = (node: string): string =>
  join(rack!.home, 'store', 'objects', 'approved', `${node}.object`);

async function bootOn(board: Board, memory: string): Promise<Machine> {
  const append = `ip=dhcp hostname=node15 coatcheck.key=${board.key} coatcheck.memory=${memory}`;
  const { args, off } = await board.on();
  const machine = await rack!.boot(15, { append, args, loaded: true });
  const stop = async (): Promise<void> => {
    await Promise.all([off?.(), machine.stop()]);
  };
  return { ...machine, stop };
}
