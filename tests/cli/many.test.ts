// @module-tag long
import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Session } from '../../admin/session.ts';
import { nodeWords } from '../../bundle/words.ts';
import type { Metadata } from '../../bundle/index.ts';
import { EXIT } from '../../protocol/errors.ts';
import { cliProgram, openDesk, openSession, refusal } from '../support/cli.ts';
import type { Desk } from '../support/cli.ts';
import { describeWith } from '../support/components.ts';
import { fleet as fleetAt, waits as waitsAt } from '../support/many-nodes.ts';
import type { One } from '../support/many-nodes.ts';
import { makeMachine } from '../support/machine.ts';
import { makeNode } from '../support/site.ts';
import { openScreen } from '../support/tmux.ts';
import type { Screen } from '../support/tmux.ts';

type About = Parameters<typeof waitsAt> extends [unknown, ...infer Rest] ? Rest : never;

let desk: Desk;
let session: Session;
beforeAll(async () => {
  desk = await openDesk();
  session = await openSession(desk);
});
afterAll(() => desk.close());

const waits = (...about: About): Promise<string> => waitsAt(desk, ...about);
/** So many machines with the same in force, but for their names. */
const fleet = (prefix: string, count: number): Promise<One[]> =>
  fleetAt(desk, session, { prefix, count, filesOf });

const filesOf = (name: string) => ({
  'etc/chrony.conf': 'server a\n',
  'etc/motd': `${name}\n`,
});
const changed = (name: string) => ({ ...filesOf(name), 'etc/chrony.conf': 'server a\nserver b\n' });

function listOf(ones: readonly One[]): string {
  const file = join(desk.home, `list-${ones[0]!.name}`);
  fs.writeFileSync(file, ones.map(({ node }) => `${node.id}\n`).join(''));
  return file;
}

interface Document {
  readonly groups: {
    readonly nodes: { node: string; name?: string }[];
    readonly differing: unknown[];
    readonly shown: { readonly files: { readonly path: string }[] };
  }[];
  readonly decisions: { readonly node: string; readonly digest: string }[];
  readonly failed: { readonly node: string; readonly code: string }[];
  readonly leftOut: { readonly node: string; readonly code: string }[];
  readonly untried: string[];
}

describe('a first day', () => {
  it('approves machines whose words are on a list from elsewhere, and only those', async () => {
    const ones = ['a', 'b', 'c'].map((name) => ({ name, node: makeNode(`first ${name}`) }));
    for (const one of ones) await waits(one, { 'etc/motd': 'same\n' });
    const list = join(desk.home, 'rack.txt');
    const absent = makeNode('not there yet').id;
    fs.writeFileSync(
      list,
      `# rack 7\n${nodeWords(ones[0]!.node.id)}\n${ones[1]!.node.id} # b\n\n${absent}\n`,
    );
    const { code, stdout, stderr } = await desk.run('approve', '--expect', list, '--yes');
    expect([code, stderr]).toEqual([0, expect.stringContaining(`not there yet: ${absent}`)]);
    expect(stdout.match(/^approved /gm)).toHaveLength(2);
    // Each claims another name, which nobody has seen in force: each is shown by itself.
    expect(stdout).toContain('2 changes of 2 nodes:');
    expect((await desk.run('show', ones[2]!.node.id)).stdout).toContain('waits for a decision');
  });

  it('says which line of the list is no name', async () => {
    const list = join(desk.home, 'bad.txt');
    fs.writeFileSync(list, 'gx001\n');
    const { code, stderr } = await desk.run('approve', '--expect', list, '--yes');
    expect([code, stderr]).toEqual([EXIT.usage, expect.stringContaining('bad.txt, line 1: ')]);
  });
});

describe('several nodes in one command', () => {
  it('are approved by one yes, a digest behind the node that it is of', async () => {
    const [a, b] = await fleet('p', 2);
    const digest = await waits(a!, changed('p001'));
    await waits(b!, changed('p002'));
    const words = [a!.node.id, digest.slice(0, 12), b!.node.id];
    expect(refusal(await desk.run('approve', ...words, '--expect', '3', '--yes'))[0]).toBe(2);
    const { stdout } = await desk.run('approve', ...words, '--expect', '2', '--yes');
    expect(stdout).toContain('p001, p002 (2 nodes): +1 line in etc/chrony.conf\n');
    expect(stdout.match(/^approved /gm)).toHaveLength(2);
    const again = await desk.run('approve', ...words.filter((word) => word.length === 32), '--yes');
    expect([again.code, again.stdout]).toEqual([
      0,
      expect.stringMatching(/2 nodes left out:\n.*nothing waits; decision 2 \(approve\) is in/),
    ]);
  });

  it('may be named as the digest of another begins: less than eight digits are a name', async () => {
    const [a] = await fleet('h', 1);
    const digest = await waits(a!, changed('h001'));
    const b = { name: digest.slice(0, 7), node: makeNode('named like a digest') };
    await waits(b, filesOf(b.name));
    expect((await desk.run('approve', b.node.id, '--yes')).code).toBe(0);
    const { decisions } = await desk.json<Document>('renew', 'h001', b.name, '--yes');
    expect(decisions.map(({ node }) => node).sort()).toEqual([a!.node.id, b.node.id].sort());
  });

  it('are rejected, renewed, told to reconfigure, and revoked', async () => {
    const [a, b, c] = await fleet('q', 3);
    const ids = [a!, b!, c!].map(({ node }) => node.id);
    for (const one of [a!, b!]) await waits(one, changed(one.name));
    const rejected = await desk.run('reject', ...ids, '--reason', 'no', '--yes');
    expect(rejected.code).toBe(EXIT.failed);
    expect(rejected.stdout).toMatch(/1 node left out:\n {2}\w+: nothing waits/);
    expect(rejected.stdout.match(/^rejected /gm)).toHaveLength(2);
    const renewed = await desk.json<Document>('renew', ...ids, '--expires', '30d', '--yes');
    expect(renewed.decisions).toHaveLength(3);
    expect(renewed.groups.map(({ nodes }) => nodes.length)).toEqual([3]);
    const asked = await desk.json<Document>('reconfigure', ...ids, '--yes');
    expect(asked.decisions).toHaveLength(3);
    const revoke = ['revoke', ...ids, '--reason', 'stolen', '--yes'];
    const uncounted = await desk.run(...revoke);
    expect([...refusal(uncounted)]).toEqual([EXIT.usage, 'usage']);
    expect(uncounted.stderr).toContain('--expect 3');
    expect((await desk.run(...revoke, '--expect', '2')).code).toBe(EXIT.usage);
    const revoked = await desk.json<Document>(...revoke, '--expect', '3');
    expect(revoked.decisions).toHaveLength(3);
  });

  it('are those that a filter lets through, and no first proposal', async () => {
    const [a, b, c] = await fleet('w', 3);
    for (const one of [a!, b!]) await waits(one, changed(one.name));
    const first = { name: 'w009', node: makeNode('first w009') };
    await waits(first, changed('w009'));
    const filter = ['--where', 'state=waiting name~w*'];
    const { decisions, leftOut } = await desk.json<Document>('approve', ...filter, '--yes');
    expect(decisions.map(({ node }) => node).sort()).toEqual([a!.node.id, b!.node.id].sort());
    expect(leftOut.map(({ node }) => node)).not.toContain(c!.node.id);
    const absent = join(desk.home, 'absent.txt');
    fs.writeFileSync(absent, `${makeNode('nobody').id}\n`);
    const none = await desk.json<Document>('reconfigure', '--expect', absent, ...filter, '--yes');
    expect(none.decisions).toEqual([]);
  });

  it('are none where a filter selects first proposals alone, and what to do is said', async () => {
    const node = makeNode('first alone');
    await waits({ name: 'alone', node }, changed('alone'));
    for (const args of [['--where', 'state=first'], ['state=first']]) {
      const { code, stdout, stderr } = await desk.run('approve', ...args, '--yes');
      expect([code, stderr]).toEqual([
        EXIT.usage,
        expect.stringMatching(/first proposals? waits?, and no filter, .*coatcheck approve /),
      ]);
      expect(stdout).toContain(`  ${node.id}: nothing is in force for it yet`);
    }
    const listed = join(desk.home, 'alone.txt');
    fs.writeFileSync(listed, `${node.id}\n`);
    const byName = ['approve', '--expect', listed, '--where', 'name=alone', '--yes'];
    const claimed = await desk.run(...byName);
    expect([claimed.code, claimed.stderr]).toEqual([
      0,
      expect.stringMatching(
        new RegExp(`only claimed \\(claim=\\).*${node.id}.*nothing to sign`, 's'),
      ),
    ]);
    expect((await desk.run('approve', node.id, '--yes')).code).toBe(0);
    expect((await desk.run(...byName)).stderr).not.toContain('claimed');
  });

  it('are none where nobody is named', async () => {
    for (const name of ['approve', 'reconfigure', 'renew']) {
      const { code, stderr } = await desk.run(name, '--yes');
      expect([code, stderr]).toEqual([EXIT.usage, expect.stringContaining('which node?')]);
    }
  });
});

describe('machines that propose by themselves', () => {
  it('are approved together, first by their ids, and then as one change', async () => {
    const machines = [1, 2, 3].map((n) => {
      const machine = makeMachine({ ...desk.site, servers: [desk.url] });
      machine.write('etc/hostname', `real${n}\n`);
      machine.write('etc/chrony.conf', 'server a\n');
      return machine;
    });
    const ids = machines.map(({ identity }) => identity.id);
    for (const machine of machines) await machine.run('propose');
    expect((await desk.json<Document>('approve', ...ids, '--yes')).decisions).toHaveLength(3);
    for (const machine of machines) {
      expect((await machine.run('boot')).code).toBe(0);
      machine.write('etc/chrony.conf', 'server a\nserver b\n');
      await machine.run('propose');
    }
    const { groups, decisions } = await desk.json<Document>('approve', ...ids, '--yes');
    expect(groups.map(({ nodes }) => nodes.map(({ name }) => name))).toEqual([
      ['real1', 'real2', 'real3'],
    ]);
    expect(decisions).toHaveLength(3);
    machines.forEach((machine) => machine.remove());
  });
});

describeWith('terminal', '300 machines', () => {
  let ones: One[];
  let list = '';
  const screens: Screen[] = [];
  afterEach(() => screens.splice(0).forEach((screen) => screen.close()));
  beforeAll(async () => {
    ones = await fleet('gx', 300);
    list = listOf(ones);
    for (const one of ones) await waits(one, ...asked(one));
  });

  /** What one of them asks for: four do not ask for what all the others do. */
  function asked({ name }: One): [Record<string, string>, Metadata?] {
    switch (name) {
      case 'gx007':
        return [{ ...changed(name), 'etc/chrony.conf': 'server a\nserver c\n' }];
      case 'gx012':
        return [{ ...changed(name), 'etc/cron.d/job': '* * * * * root evil\n' }];
      case 'gx013':
        return [changed(name), { hostname: 'gx014' }];
      case 'gx015':
        return [{ ...changed(name), 'etc/motd': 'gx015\u202e510xg\n' }];
      default:
        return [changed(name)];
    }
  }

  async function screenOf(columns: number): Promise<Screen> {
    const command = [
      ...['env', 'PAGER=cat', 'TERM=xterm'],
      ...[process.execPath, cliProgram(), '--home', desk.home, '--server', desk.url],
      ...['approve', '--expect', list],
    ];
    const screen = await openScreen(command, { columns, rows: 40, term: 'xterm' });
    screens.push(screen);
    return screen;
  }

  const alone = ['gx007', 'gx012', 'gx013', 'gx015'];
  const heading =
    'gx001..gx006, gx008..gx011, gx014, gx016..gx300 (296 nodes): +1 line in etc/chrony.conf';

  it('are one change and four others, and nothing is signed where nobody can be asked', async () => {
    const { code, stdout, stderr } = await desk.run('approve', '--expect', list);
    expect(code).toBe(EXIT.usage);
    expect(stdout).toContain(heading);
    expect(stdout.match(/^\| \+server b$/gm)).toHaveLength(4);
    expect(stdout).toContain('gx012: etc/cron.d/job added; +1 line in etc/chrony.conf\n');
    expect(stdout).toContain('| +gx014\n');
    expect(stdout).toContain('gx015<U+202E>510xg');
    expect(stderr).toContain('gx012: 1 file can run or let somebody in: etc/cron.d/job\n');
    expect(stdout).not.toMatch(/^approved/m);
  });

  it.each([60, 200])('are asked about once, on %i columns', async (columns) => {
    const screen = await screenOf(columns);
    await screen.until('Approve 300 proposals');
    expect(screen.text().replace(/\n +> /g, '')).toContain(heading);
    screen.type('n');
    await screen.until('not confirmed');
  });

  it('are approved up to a Ctrl-C, and the rest by the same command', async () => {
    const screen = await screenOf(100);
    await screen.until('Approve 300 proposals');
    const moved = ones[1]!.node.id;
    expect((await desk.run('reject', moved, '--reason', 'no', '--yes')).code).toBe(0);
    screen.type('y');
    await screen.until(`moved meanwhile ${moved}`);
    screen.type('\x03');
    await screen.until('[interrupted]');
    const [, signed = ''] = /interrupted: (\d+) of 300 are\s+signed/.exec(screen.text()) ?? [];
    expect(Number(signed)).toBeGreaterThan(0);
    expect(Number(signed)).toBeLessThan(299);

    const rest = await desk.json<Document>('approve', '--expect', list, '--yes');
    expect(rest.leftOut).toHaveLength(Number(signed) + 1);
    expect(new Set(rest.leftOut.map(({ code }) => code))).toEqual(new Set(['done']));
    expect(rest.decisions).toHaveLength(299 - Number(signed));
    // What can run stood first, and was signed before.
    const left = alone.filter((name) => name !== 'gx012');
    expect(rest.groups.slice(1).map(({ nodes }) => nodes[0]!.name)).toEqual(left);
  });
});
