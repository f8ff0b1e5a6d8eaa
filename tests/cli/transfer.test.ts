// @module-tag long
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { nodeWords } from '../../bundle/words.ts';
import { EXIT } from '../../protocol/errors.ts';
import { cliProgram, openDesk, refusal } from '../support/cli.ts';
import type { Desk } from '../support/cli.ts';
import { describeWith } from '../support/components.ts';
import { makeMachine } from '../support/machine.ts';
import type { Machine } from '../support/machine.ts';
import { openScreen } from '../support/tmux.ts';

let desk: Desk;
const machines: Machine[] = [];
beforeAll(async () => {
  desk = await openDesk();
});
afterEach(() => machines.splice(0).forEach((machine) => machine.remove()));
afterAll(() => desk.close());

/** A machine that runs, and the same with a new key, which waits. */
async function renewed(name: string) {
  const [old, fresh] = [1, 2].map(() => makeMachine({ ...desk.site, servers: [desk.url] }));
  machines.push(old!, fresh!);
  for (const machine of [old!, fresh!]) machine.write('etc/hostname', `${name}\n`);
  old!.write('etc/motd', 'of the old one\n');
  await old!.run('propose');
  expect((await desk.run('approve', old!.identity.id, '--yes')).code).toBe(0);
  await fresh!.run('propose');
  return { old: old!, fresh: fresh!, id: fresh!.identity.id };
}

it('moves a configuration to a new key, which is named by its words, and status leads there', async () => {
  const { old, fresh, id } = await renewed('moved');
  const status = await desk.run('status');
  expect(status.stdout + status.stderr).toContain(`coatcheck transfer ${old.identity.id}`);
  const unnamed = await desk.run('transfer', 'moved', id, '--yes');
  expect(refusal(unnamed)).toEqual([EXIT.usage, 'usage']);
  expect(unnamed.stderr).toContain('named by its eight words');
  const done = await desk.run('transfer', 'moved', nodeWords(id), '--yes');
  expect(done.code).toBe(0);
  expect(done.stdout).toContain('both work until that is done');
  expect(done.stdout).toMatch(/^approved .*\nrejected .*\nrevoked /m);
  expect((await fresh.run('boot')).code).toBe(0);
  expect(fresh.read('etc/motd')).toBe('of the old one\n');
  const again = await desk.run('transfer', old.identity.id, nodeWords(id), '--yes');
  expect([again.code, again.stderr]).toEqual([
    0,
    expect.stringContaining('there is nothing to do'),
  ]);
});

describeWith('terminal', 'on a terminal', () => {
  it('wants the words typed, and takes no others', async () => {
    const { id } = await renewed('typed');
    for (const [words, said] of [
      [nodeWords(makeMachineId()), 'those are not the words'],
      [nodeWords(id).toUpperCase(), 'revoked '],
    ] as const) {
      const command = [
        ...['env', 'PAGER=cat', 'TERM=xterm'],
        ...[process.execPath, cliProgram(), '--home', desk.home, '--server', desk.url],
        ...['transfer', 'typed', id],
      ];
      const screen = await openScreen(command, { columns: 120, rows: 60, term: 'xterm' });
      await screen.until('Type the eight words');
      screen.type(`${words}\r`);
      await screen.until(said);
      screen.close();
    }
  });
});

const makeMachineId = () => {
  const machine = makeMachine(desk.site);
  machines.push(machine);
  return machine.identity.id;
};
