import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { EXIT } from '../../protocol/errors.ts';
import { reportKey } from '../../protocol/keys.ts';
import { startLab } from '../support/lab.ts';
import type { Lab } from '../support/lab.ts';
import { makeMachine } from '../support/machine.ts';
import type { Machine } from '../support/machine.ts';

/** `coatcheck-agent refresh` by itself; tests/agent/units.test.ts has it under systemd. */

let lab: Lab;
const machines: Machine[] = [];
beforeAll(async () => {
  lab = await startLab();
});
afterAll(() => lab.close());
afterEach(() => machines.splice(0).forEach((machine) => machine.remove()));

/** A machine that has been running, and what may be approved for it. */
function running(line = 'stateless') {
  const machine = makeMachine(lab.site);
  machines.push(machine);
  machine.write('cmdline', `${line}\n`);
  const { identity } = machine;
  return {
    machine,
    approve: async (text: string, expires?: number): Promise<string> => {
      const hex = await lab.propose(identity, { 'etc/motd': text });
      await lab.approve(identity, hex, expires === undefined ? {} : { expires });
      return hex;
    },
    /** Its exit code, and the last that it says. */
    refresh: async (): Promise<[number | null, string]> => {
      const command = ['refresh', '--command-line', machine.path('cmdline')];
      const { code, stdout, stderr } = await machine.run(...command);
      return [code, (code === 0 ? stdout : stderr).trimEnd()];
    },
    /** The bytes of its report: sealed anew, they are others. */
    report: async (): Promise<string> => {
      const object = await lab.store.get(reportKey(identity.id), { maxBytes: 2 ** 16 });
      return Buffer.from(object?.body ?? []).toString('hex');
    },
  };
}

it('applies what is new, and only that', async () => {
  const { machine, approve, refresh } = running();
  await approve('first\n');
  expect(await refresh()).toEqual([0, expect.stringContaining('applied decision 1')]);
  expect(machine.read('etc/motd')).toBe('first\n');
  const before = machine.tree();
  expect(await refresh()).toEqual([0, expect.stringMatching(/: it is in force already$/)]);
  expect(machine.tree()).toEqual(before);
});

it('leaves the machine as it is where nothing is approved, it is over, or no server answers', async () => {
  const { machine, approve, refresh } = running();
  expect(await refresh()).toEqual([EXIT.waiting, expect.stringMatching(/\[nothing_approved\]$/)]);
  await approve('first\n');
  await refresh();
  await approve('second\n', 1);
  expect(await refresh()).toEqual([EXIT.waiting, expect.stringMatching(/\[expired\]$/)]);
  machine.write('cmdline', 'stateless coatcheck.server=http://127.0.0.1:9\n');
  expect(await refresh()).toEqual([
    EXIT.unavailable,
    expect.stringMatching(/\[server_unreachable\]$/),
  ]);
  expect(machine.read('etc/motd')).toBe('first\n');
});

it.each([
  ['reconfigure', /: this machine makes a new configuration at its next boot$/],
  ['revoke', /: this machine runs on, and asks no more$/],
] as const)('reports a %s once, and applies nothing', async (type, said) => {
  const { machine, approve, refresh, report } = running();
  const digest = await approve('first\n');
  await refresh();
  const applied = await report();
  const ordered = { digest, from: { slot: 1 } };
  await lab.decide(machine.identity, type, type === 'reconfigure' ? ordered : {});
  expect(await refresh()).toEqual([0, expect.stringMatching(said)]);
  const reported = await report();
  expect(reported).not.toBe(applied);
  expect(await refresh()).toEqual([0, expect.stringMatching(said)]);
  expect(await report()).toBe(reported);
  expect(machine.read('etc/motd')).toBe('first\n');
});
