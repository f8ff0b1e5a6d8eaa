// @module-tag long
import * as fs from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { collect, pooled } from '../../admin/pool.ts';
import type { StatusView } from '../../admin/views/status.ts';
import { EXIT } from '../../protocol/errors.ts';
import { cliProgram, openDesk } from '../support/cli.ts';
import type { Desk } from '../support/cli.ts';
import { describeWith } from '../support/components.ts';
import { makeMachine } from '../support/machine.ts';
import type { Machine } from '../support/machine.ts';
import { openScreen } from '../support/tmux.ts';

/** Sixty in CI; `npm run test:fleet` has the three hundred. Three digits, and more than `HOSTILE`. */
const MACHINES = Number(process.env['COATCHECK_MACHINES'] ?? 60);
/** Agents that run at a time. */
const AT_ONCE = 4;
const [OUTLIER, MOVED, HOSTILE] = ['gx007', 'gx012', 'gx013'] as const;
const OLD = 'server ntp1.example iburst\n';
const NEW = `${OLD}server ntp2.example iburst\n`;

interface Agent {
  readonly name: string;
  readonly machine: Machine;
}

/** A command of every agent, each of which must do it. */
async function each(agents: readonly Agent[], ...args: string[]): Promise<void> {
  const runs = pooled(agents, { atOnce: AT_ONCE }, async ({ name, machine }) => {
    const { code, stderr } = await machine.run(...args);
    if (code !== 0) throw new Error(`${name}: ${args.join(' ')}: exit ${code}: ${stderr}`);
  });
  await collect(runs);
}

function listOf(desk: Desk, agents: readonly Agent[]): string {
  const file = join(desk.home, 'rack.txt');
  fs.writeFileSync(file, agents.map(({ machine }) => `${machine.identity.id}\n`).join(''));
  return file;
}

/** What somebody changed on each machine, or its attacker. */
function change({ name, machine }: Agent): void {
  machine.write('etc/chrony.conf', name === OUTLIER ? `${NEW}server ntp9.example\n` : NEW);
  if (name !== HOSTILE) return;
  machine.write('etc/sudoers.d/job', 'ALL ALL=(ALL) NOPASSWD: ALL\n', 0o440);
  machine.write('etc/motd', 'gx015\u202e510xg\u001b[2J\n');
}

async function stateOf(desk: Desk): Promise<ReadonlyMap<string, StatusView>> {
  const { nodes } = await desk.json<{ nodes: StatusView[] }>('status');
  return new Map(nodes.map((view) => [view.name!, view]));
}

/** Approves those of a list on a terminal, where somebody else is quicker about one of them. */
async function approveAsked(desk: Desk, list: string, moved: string): Promise<string> {
  const command = [
    ...['env', 'PAGER=cat', 'TERM=xterm', process.execPath, cliProgram()],
    ...['--home', desk.home, '--server', desk.url, 'approve', '--expect', list],
  ];
  const screen = await openScreen(command, { columns: 120, rows: 50, term: 'xterm' });
  try {
    await screen.until(`Approve ${MACHINES - 1} proposals`);
    const refused = await desk.run('reject', moved, '--reason', 'its disk is old', '--yes');
    if (refused.code !== 0) throw new Error(refused.stderr);
    screen.type('y');
    await screen.until(`moved meanwhile ${moved}`);
    await screen.until(`${MACHINES - 2} of ${MACHINES - 1} signed`);
    return screen.text();
  } finally {
    screen.close();
  }
}

describeWith('terminal', `${MACHINES} machines, each with its agent`, () => {
  it('are approved by a list, changed alike, approved as one change, and run it', async () => {
    const desk = await openDesk();
    const agents = Array.from({ length: MACHINES }, (_, i): Agent => {
      const machine = makeMachine({ ...desk.site, servers: [desk.url] });
      const name = `gx${`${i + 1}`.padStart(3, '0')}`;
      machine.write('etc/hostname', `${name}\n`);
      machine.write('etc/chrony.conf', OLD);
      machine.write('etc/motd', `${name}\n`);
      return { name, machine };
    });
    const idOf = (wanted: string): string =>
      agents.find(({ name }) => name === wanted)!.machine.identity.id;
    try {
      await each(agents, 'propose');
      const first = await desk.run('approve', '--expect', listOf(desk, agents), '--yes');
      expect([first.code, first.stdout.match(/^approved /gm)?.length]).toEqual([0, MACHINES]);
      await each(agents, 'boot');
      for (const agent of agents) change(agent);
      const hostile = agents.filter(({ name }) => name === HOSTILE);
      await each(hostile, 'propose', '--add', 'etc/sudoers.d/job');
      const good = agents.filter(({ name }) => name !== HOSTILE);
      await each(good, 'propose');

      const looked = await desk.run('approve', '--expect', listOf(desk, agents));
      expect(looked.code).toBe(EXIT.usage);
      expect(looked.stdout).toContain(
        `gx001..gx006, gx008..gx012, gx014..${agents.at(-1)!.name} (${MACHINES - 2} nodes): +1 line in etc/chrony.conf\n`,
      );
      expect(looked.stdout).toContain(`${OUTLIER}: +2 lines in etc/chrony.conf\n`);
      expect(looked.stdout).toContain(`${HOSTILE}: etc/sudoers.d/job added; `);
      expect(looked.stderr).toContain(
        `${HOSTILE}: 1 file can run or let somebody in: etc/sudoers.d/job\n`,
      );
      expect(looked.stdout).toContain('gx015<U+202E>510xg<U+001B>[2J');
      expect(looked.stdout).not.toContain('\u001b[2J');
      expect(looked.stdout).not.toMatch(/^approved /m);

      const said = await approveAsked(desk, listOf(desk, good), idOf(MOVED));
      expect(said).toContain('1 failed');
      const reject = ['reject', idOf(HOSTILE), '--reason', 'nobody gave it that', '--yes'];
      expect((await desk.run(...reject)).code).toBe(0);

      await each(agents, 'boot');
      for (const { name, machine } of agents) {
        const isOld = name === MOVED || name === HOSTILE;
        const wanted = isOld ? OLD : name === OUTLIER ? `${NEW}server ntp9.example\n` : NEW;
        expect([name, machine.read('etc/chrony.conf')]).toEqual([name, wanted]);
      }
      const states = await stateOf(desk);
      expect(states.size).toBe(MACHINES);
      for (const [name, { states: so, decision }] of states) {
        const isOld = name === MOVED || name === HOSTILE;
        expect([name, so, decision?.seq]).toEqual([
          ...[name, isOld ? ['rejected', 'in-force'] : ['in-force'], isOld ? 1 : 2],
        ]);
      }
    } finally {
      for (const { machine } of agents) machine.remove();
      await desk.close();
    }
  });
});
