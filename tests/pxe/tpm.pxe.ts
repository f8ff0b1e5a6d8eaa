import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../support/network.ts';
import { openRack } from './lab.ts';
import type { Machine, Rack } from './lab.ts';

describe('5: the key and the memory in a TPM', () => {
  const append = 'ip=dhcp coatcheck.key=tpm coatcheck.memory=tpm';
  const chips = ['one', 'two'].map((name) => mkdtempSync(join(tmpdir(), `tpm-${name}-`)));
  let rack: Rack | undefined;
  let node: string;
  beforeAll(async () => {
    rack = await openRack('tpm', { store: 'folder' });
  });
  afterAll(async () => {
    await rack?.close();
    for (const chip of chips) rmSync(chip, { recursive: true });
  });

  /** Switches the machine on with a chip on its board, until `use` is done. */
  async function withChip(chip: string, use: (machine: Machine) => Promise<void>): Promise<void> {
    const swtpm = await startChip(chip);
    const machine = await rack!.boot(5, { append, args: attached(chip) });
    try {
      await use(machine);
    } finally {
      await machine.stop();
      swtpm.kill('SIGKILL');
    }
  }

  const approvedFile = (): string => {
    const folder = join(rack!.home, 'store', 'objects', 'approved');
    return join(
      folder,
      readdirSync(folder).find((name) => name.startsWith(node))!,
    );
  };

  it('give the same machine at the next boot, which refuses an older decision', async () => {
    const { proposal, coatcheck, report } = rack!;
    let older: Buffer;
    await withChip(chips[0]!, async () => {
      ({ node } = await proposal());
      await coatcheck('approve', node, '--yes');
      await report(node);
      older = readFileSync(approvedFile());
      await coatcheck('reconfigure', node, '--yes');
    });
    await withChip(chips[0]!, async () => {
      const again = await proposal();
      expect(again.node).toBe(node);
      await coatcheck('approve', node, '--yes');
      await report(node);
    });
    // Whoever can write the bucket puts the older decision back.
    writeFileSync(approvedFile(), older!);
    await withChip(chips[0]!, async (machine) => {
      await machine.line(/rollback_refused/);
      expect(machine.said()).not.toMatch(/applied decision|login:/);
    });
  });

  it('give another machine with another chip', async () => {
    await withChip(chips[1]!, async () => {
      expect((await rack!.proposal()).node).not.toBe(node);
    });
  });
});

const socketOf = (chip: string): string => join(chip, 'socket');

const attached = (chip: string): string[] => [
  ...['-chardev', `socket,id=chip,path=${socketOf(chip)}`],
  ...['-tpmdev', 'emulator,id=tpm0,chardev=chip', '-device', 'tpm-crb,tpmdev=tpm0'],
];

async function startChip(chip: string): Promise<ChildProcess> {
  rmSync(socketOf(chip), { force: true });
  const child = spawn(
    'swtpm',
    [
      ...['socket', '--tpm2', '--tpmstate', `dir=${chip}`, '--terminate'],
      ...['--ctrl', `type=unixio,path=${socketOf(chip)}`, '--flags', 'not-need-init,startup-clear'],
    ],
    { stdio: 'ignore' },
  );
  await once(child, 'spawn');
  await until(() => existsSync(socketOf(chip)));
  return child;
}
