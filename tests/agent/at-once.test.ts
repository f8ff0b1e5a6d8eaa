// @module-tag long
import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ownName } from '../../files/own-name.ts';
import { statusOf } from '../../files/process-status.ts';
import { startLab } from '../support/lab.ts';
import type { Lab } from '../support/lab.ts';
import { makeMachine } from '../support/machine.ts';
import type { Machine } from '../support/machine.ts';

/** Two decisions about one machine, each with its own version of every file. */
const FILES = Array.from({ length: 40 }, (_, i) => `etc/cron.d/job${i}`);
let lab: Lab;
let first: Machine;
let folder: string;
beforeAll(async () => {
  lab = await startLab();
  folder = fs.mkdtempSync(join(tmpdir(), 'coatcheck-copies-'));
  first = makeMachine(lab.site);
  for (const version of ['old', 'new']) {
    for (const path of FILES) first.write(path, `${version}\n`);
    const { digest } = await first.json('propose');
    await lab.approve(first.identity, digest as string);
    fs.writeFileSync(join(folder, version), await lab.approved(first.identity.id));
  }
});
afterAll(async () => {
  first.remove();
  fs.rmSync(folder, { recursive: true, force: true });
  await lab.close();
});

const versionsOf = (machine: Machine): string[] => [
  ...new Set(FILES.map((path) => machine.read(path))),
];

describe('several agents at once on one root', () => {
  it('take turns: an older decision never comes after a newer one, and no tree is a mixture', async () => {
    for (let round = 0; round < 4; round++) {
      const machine = first.reboot();
      const apply = (version: string) => machine.run('apply', join(folder, version));
      const [old, ...newer] = await Promise.all([apply('old'), apply('new'), apply('new')]);
      expect(newer.map(({ code, stderr }) => [code, stderr.includes('[')])).toEqual([
        [0, false],
        [0, false],
      ]);
      expect([old.code, old.stderr]).toEqual(
        old.code === 0
          ? [0, expect.any(String)]
          : [3, expect.stringMatching(/\[rollback_refused\]\n$/)],
      );
      expect(versionsOf(machine)).toEqual(['new\n']);
      const status = await machine.json('status');
      expect(status).toMatchObject({ drift: [], applied: { seq: 2 }, memory: { seq: 2 } });
      machine.remove();
    }
  });

  it('ignore one that was killed, and wait for one that works, but not for ever', async () => {
    const machine = first.reboot();
    const state = machine.path('var/lib/coatcheck');
    fs.mkdirSync(state, { recursive: true });
    const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 60_000)']);
    const lock = (name: string): void => fs.writeFileSync(join(state, name), '');
    // As the agent names its own: label, token, process, start, namespace, boot, host.
    const lockOf = (pid: number, more: { start?: string; boot?: string } = {}): string => {
      const [, label, token, , start, namespace, boot, ...host] = ownName('.lock').split('.');
      const own = { start: statusOf(pid)?.start ?? start, boot, ...more };
      return ['', label, token, pid, own.start, namespace, own.boot, ...host].join('.');
    };
    lock(lockOf(other.pid!, { start: '1' })); // its number was used again
    lock(lockOf(other.pid!, { boot: '00000000' })); // before the last reboot
    lock(`${lockOf(other.pid!, { boot: '00000000' })}.another-name`); // and with another name then
    const living = lockOf(other.pid!);
    lock(living);

    const waits = await machine.run('apply', join(folder, 'new'));
    expect([waits.code, waits.stderr]).toEqual([4, expect.stringMatching(/\[in_use\]\n$/)]);
    expect(Object.keys(machine.tree())).toEqual([]);
    expect(fs.readdirSync(state)).toEqual([living]);

    other.kill('SIGKILL');
    await new Promise((resolve) => other.once('exit', resolve));
    expect((await machine.run('apply', join(folder, 'new'))).code).toBe(0);
    expect(versionsOf(machine)).toEqual(['new\n']);
    expect(fs.readdirSync(state).filter((name) => name.startsWith('.'))).toEqual([]);
    machine.remove();
  });
});
