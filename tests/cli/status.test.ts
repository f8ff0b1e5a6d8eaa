import { randomBytes } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StatusView } from '../../admin/index.ts';
import { deriveIdentity } from '../../bundle/index.ts';
import type { Identity } from '../../bundle/index.ts';
import { EXIT } from '../../protocol/errors.ts';
import { cliProgram, openDesk, refusal, startCli } from '../support/cli.ts';
import type { Desk } from '../support/cli.ts';
import { openScreen } from '../support/tmux.ts';

let desk: Desk;
beforeAll(async () => {
  desk = await openDesk();
});
afterAll(() => desk.close());

const newNode = (): Identity => deriveIdentity(Uint8Array.from(randomBytes(32)));

describe('status', () => {
  it('shows every node with its state, narrows down, and says by its exit code what is so', async () => {
    const [known, claimant] = [newNode(), newNode()];
    expect((await desk.run('status', '--exit-code')).code).toBe(0);
    await desk.propose(known, { metadata: { hostname: 'gx001' } });
    await desk.json('approve', known.id, '--yes', '--expires', '1d');
    expect((await desk.run('status', '--exit-code')).code).toBe(0);
    await desk.propose(claimant, { metadata: { hostname: 'gx001' } });

    const { nodes } = await desk.json<{ nodes: StatusView[] }>('status');
    expect(nodes).toMatchObject([
      { node: claimant.id, states: ['waiting', 'first'], waiting: [{ hostname: 'gx001' }] },
      { node: known.id, name: 'gx001', states: ['expiring', 'never-booted', 'in-force'] },
    ]);
    const shown = (await desk.run('status')).stdout;
    expect(shown).toContain('claims gx001');
    expect(shown).toContain(nodes[0]!.words);
    expect(shown).toContain(`what waits claims gx001, which is in force for ${known.id}`);

    for (const view of [['list'], ['show', known.id]]) {
      expect((await desk.run(...view)).stdout).toContain('expires soon');
    }
    for (const [args, ids] of [
      [['state=waiting'], [claimant.id]],
      [['--where', 'name=gx001 expires<2d'], [known.id]],
      [['gx*', 'state!=first'], [known.id]],
      [['state=failed'], []],
    ] as const) {
      const found = await desk.json<{ nodes: StatusView[] }>('status', ...args);
      expect(found.nodes.map(({ node }) => node)).toEqual(ids);
    }
    const waits = await desk.run('status', '--exit-code');
    expect(refusal(waits)).toEqual([EXIT.waiting, 'waiting']);
    expect((await desk.run('status', 'state=in-force', '--exit-code')).code).toBe(0);
    const wrong = await desk.run('status', 'stat=x');
    expect(refusal(wrong)).toEqual([EXIT.usage, 'usage']);
    expect(wrong.stderr).toContain('at character 1');
    // What was read is beside the key, and what is there is not needed.
    const cache = join(desk.home, 'status.cache');
    expect(fs.statSync(cache).mode & 0o777).toBe(0o600);
    expect(fs.readFileSync(cache, 'latin1')).not.toContain('gx001');
    fs.writeFileSync(cache, 'damaged');
    expect((await desk.json<{ nodes: StatusView[] }>('status')).nodes).toEqual(nodes);
    // A name in force names a node to decide about, and a claimed one never does.
    expect((await desk.run('reconfigure', 'gx001', '--yes')).code).toBe(0);
  });
});

describe('the table', { tags: 'long' }, () => {
  let nodes: readonly StatusView[];
  beforeAll(async () => {
    await desk.propose(newNode(), { metadata: { hostname: 'wide.example.org' } });
    ({ nodes } = await desk.json<{ nodes: StatusView[] }>('status'));
  });

  const command = (...args: string[]): string[] => [
    ...[process.execPath, cliProgram(), '--home', desk.home, '--server', desk.url, ...args],
  ];

  it.each([60, 100, 200])(
    'has ids and words whole on %i columns, and no colour',
    async (columns) => {
      const env = ['env', 'NO_COLOR=1', 'TERM=xterm'];
      const screen = await openScreen([...env, ...command('status')], { columns, rows: 50 });
      try {
        await screen.until('wide.example.org');
        await screen.until('reconfigure');
        // The spinner alone erases its line.
        const sent = screen.sent().replaceAll('\x1b[K', '');
        expect(sent).not.toContain('\x1b');
        const rows = sent.split(/[\r\n]+/);
        expect(rows.filter((row) => row.length > columns)).toEqual([]);
        for (const { node, words, states } of nodes) {
          expect(rows.some((row) => row.startsWith(`${node}  `))).toBe(true);
          if (states.includes('waiting')) expect(rows).toContain(`  ${words}`);
        }
      } finally {
        screen.close();
      }
    },
  );

  it.each([60, 200])('of list, pending and history fits into %i columns', async (columns) => {
    const known = nodes.find(({ decision }) => decision !== undefined)!.node;
    for (const [args, last] of [
      [['list'], 'decides'],
      [['pending'], 'decides'],
      [['history', known], 'in force'],
    ] as const) {
      const line = ['env', 'NO_COLOR=1', 'TERM=xterm', ...command(...args)];
      const screen = await openScreen(line, { columns, rows: 60 });
      try {
        await expect.poll(() => screen.sent()).toContain(last);
        const sent = screen.sent().replaceAll('\x1b[K', '');
        const rows = sent.split(/[\r\n]+/).filter((row) => row.length > columns);
        expect([args[0], rows]).toEqual([args[0], []]);
        if (args[0] === 'history') continue;
        expect(sent).toMatch(new RegExp(`^${known}  |^${nodes[0]!.node}  `, 'm'));
      } finally {
        screen.close();
      }
    }
  });

  it('has the columns that are asked for, and no others', async () => {
    const { stdout } = await desk.run('status', '--columns', 'name,state', '--sort', 'name', 'gx*');
    expect(stdout.split('\n')[0]).toMatch(/^NAME +STATE$/);
    expect(stdout).not.toContain('approve (seq');
    for (const text of ['nme', 'name,', '', 'name state']) {
      const wrong = await desk.run('status', '--columns', text);
      expect([text, ...refusal(wrong)]).toEqual([text, EXIT.usage, 'usage']);
    }
  });

  it('may be read as far as somebody wants', async () => {
    const sh = ['sh', '-c', '"$@" | head -n 1', 'sh', ...command('status')];
    const head = execFileSync(sh[0]!, sh.slice(1), { encoding: 'utf8' });
    expect(head).toMatch(/^NODE .*\n$/);
  });

  it('is drawn on a terminal as all stands, at any size of it, and stays there', async () => {
    const env = ['env', 'TERM=xterm'];
    const watch = command('status', '--watch');
    const line = ['sh', '-c', 'trap : INT; "$@"; echo "ended with $?"', 'sh', ...env, ...watch];
    const screen = await openScreen(line, { columns: 120, rows: 30, term: 'xterm' });
    try {
      await screen.until(`${nodes.length} nodes: `);
      const newcomer = newNode();
      await desk.propose(newcomer, { metadata: { hostname: 'late' } });
      await screen.until('claims late');
      await screen.until(`${nodes.length + 1} nodes: `);
      // So low that not even what is said of the first node has room.
      screen.resize(60, 9);
      await screen.until('more lines about it, and ');
      await screen.until(`${nodes.length + 1} nodes: `);
      await screen.until('first');
      screen.resize(60, 20);
      await screen.until(' more\n');
      await screen.until(`${nodes.length + 1} nodes: `);
      screen.resize(140, 40);
      // It is drawn anew once the program hears of it: till then some of these have no room.
      for (const { node } of [...nodes, { node: newcomer.id }]) await screen.until(node);
      screen.type('\x03');
      await screen.until('ended with 130');
      const left = screen.text();
      for (const { node } of nodes) expect(left).toContain(node);
      expect(left).toContain('[interrupted]');
    } finally {
      screen.close();
    }
  });

  it('needs a terminal to be watched on', async () => {
    expect(refusal(await desk.run('status', '--watch'))).toEqual([EXIT.usage, 'usage']);
    const both = await desk.run('status', '--watch', '--exit-code');
    expect(refusal(both)).toEqual([EXIT.usage, 'usage']);
  });

  it('comes as a line for each change with --json', async () => {
    const args = [
      '--home',
      desk.home,
      '--server',
      desk.url,
      '--json',
      'status',
      '--watch',
      'late*',
    ];
    const { child, said, done } = await startCli(args);
    const lines = async (number: number): Promise<{ nodes: StatusView[]; gone: string[] }[]> => {
      while (said.stdout.split('\n').length <= number) {
        if (child.exitCode !== null) throw new Error(said.stderr);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      const all = said.stdout.split('\n').slice(0, -1);
      return all.map((line) => JSON.parse(line) as { nodes: StatusView[]; gone: string[] });
    };
    const [first] = await lines(1);
    expect(first).toMatchObject({ nodes: [{ states: ['waiting', 'first'] }], gone: [] });
    const [late] = first!.nodes;
    const another = newNode();
    await desk.propose(another, { metadata: { hostname: 'later' } });
    expect((await lines(2))[1]).toMatchObject({ nodes: [{ node: another.id }], gone: [] });
    const { digest } = late!.waiting[0]!;
    await desk.json('reject', late!.node, digest, '--reason', 'no', '--yes');
    expect((await lines(3))[2]).toEqual({ nodes: [], gone: [late!.node] });
    child.kill('SIGINT');
    expect((await done).code).toBe(EXIT.interrupted);
  });
});
