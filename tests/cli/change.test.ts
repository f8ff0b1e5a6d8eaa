// @module-tag long
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { toHex } from '../../bundle/bytes.ts';
import type { Identity } from '../../bundle/index.ts';
import { EXIT } from '../../protocol/errors.ts';
import { parseDigest, pendingKey } from '../../protocol/keys.ts';
import { cliProgram, openDesk, refusal, runCli, startCli } from '../support/cli.ts';
import type { Desk } from '../support/cli.ts';
import { describeWith } from '../support/components.ts';
import { makeMachine } from '../support/machine.ts';
import type { Run } from '../support/run.ts';
import { makeNode, propose, SETTINGS } from '../support/site.ts';
import { openScreen } from '../support/tmux.ts';

interface Document {
  readonly groups: {
    readonly nodes: { node: string; name?: string; digest?: string }[];
    readonly bundle: { readonly signer: object; readonly digest?: string };
    readonly warnings: { readonly code: string }[];
    readonly shown: { readonly files: { readonly path: string }[] };
  }[];
  readonly decisions: { readonly node: string; readonly seq: number; readonly expires?: number }[];
  readonly failed: { readonly node: string; readonly code: string }[];
  readonly leftOut: { readonly node: string; readonly code: string }[];
}
interface Shown {
  readonly bundle: {
    readonly digest: string;
    readonly madeBy: string;
    readonly metadata: Record<string, unknown>;
    readonly files: { path: string; mode: string; owner: string; uid: number; size: number }[];
  };
}

const work = fs.mkdtempSync(join(tmpdir(), 'coatcheck-change-'));
let desk: Desk;
beforeAll(async () => {
  desk = await openDesk();
});
afterAll(async () => {
  await desk.close();
  fs.rmSync(work, { recursive: true, force: true });
});

/** Nodes with these files in force. */
async function fleet(prefix: string, files: readonly Readonly<Record<string, string>>[]) {
  const nodes: Identity[] = [];
  for (const [i, own] of files.entries()) {
    const node = makeNode(`change ${prefix}${i + 1}`);
    nodes.push(node);
    await desk.propose(node, {
      files: own,
      metadata: { ...SETTINGS, hostname: `${prefix}${i + 1}` },
    });
  }
  const ids = nodes.map(({ id }) => id);
  expect((await desk.run('approve', ...ids, '--yes')).code).toBe(0);
  return { nodes, ids };
}
const chrony = (more = '') => ({ 'etc/chrony.conf': 'server a\n', 'etc/motd': `hi${more}\n` });

let scripts = 0;
/** An editor that is a shell script over its file. */
function editor(text: string): Record<string, string> {
  const file = join(work, `editor${++scripts}`);
  fs.writeFileSync(file, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  return { EDITOR: file };
}
const withEditor = (text: string, ...args: string[]): Promise<Run> =>
  runCli(['--home', desk.home, '--server', desk.url, ...args], { env: editor(text) });
/** What is left of edits, where they are made. */
const left = (): string[] =>
  ['/dev/shm', tmpdir()].flatMap((place) =>
    fs.existsSync(place)
      ? fs.readdirSync(place).filter((name) => name.startsWith('coatcheck-edit-'))
      : [],
  );
afterEach(() => {
  expect(left()).toEqual([]);
});
const shown = async (node: string): Promise<Shown> => {
  const { stdout } = await desk.run('--json', 'show', node);
  return JSON.parse(stdout) as Shown;
};
const listed = async (node: string, path: string) =>
  (await shown(node)).bundle.files.find((file) => file.path === path);

describe('an edit', () => {
  it('is one difference for all, asked about once, and approved for each', async () => {
    const { ids } = await fleet('ed', [chrony(), chrony(), chrony()]);
    const script = 'echo "server b" >> "$1"; stat -c "%a" "$1" $(dirname "$1") >&2';
    const { code, stdout, stderr } = await withEditor(
      ...[script, 'edit', 'ed1', 'ed2', ids[2]!, 'etc/chrony.conf', '--yes'],
    );
    expect(code).toBe(0);
    expect(stderr).toContain('600\n700\n');
    expect(stdout).toContain('ed1..ed3 (3 nodes): +1 line in etc/chrony.conf\n');
    expect(stdout).toContain('signed by  administrator ada\n');
    expect(stdout.match(/^approved /gm)).toHaveLength(3);
    expect(stdout).not.toContain('server b\nserver b');
    for (const id of ids) {
      expect(await listed(id, 'etc/chrony.conf')).toMatchObject({ mode: '0644', size: 18 });
      expect((await shown(id)).bundle.madeBy).toBe('admin');
    }
  });

  it('takes the path as a machine has it, and makes a file that no node has', async () => {
    const { ids } = await fleet('new', [chrony()]);
    const edited = await withEditor('echo x > "$1"', 'edit', 'new1', '/etc/issue', '--yes');
    expect([edited.code, edited.stdout]).toEqual([0, expect.stringContaining('etc/issue added')]);
    expect(await listed(ids[0]!, 'etc/issue')).toMatchObject({ mode: '0644', owner: 'root' });
  });

  it('opens a file only where it is the same on all, and says on which it is not', async () => {
    await fleet('dif', [chrony(), chrony(' you'), { 'etc/chrony.conf': 'x\n' }, chrony()]);
    const opened = join(work, 'opened');
    const args = ['edit', 'dif*', 'etc/motd', '--yes'];
    const { code, stderr } = await withEditor(`touch ${opened}`, ...args);
    expect([code, fs.existsSync(opened)]).toEqual([EXIT.usage, false]);
    expect(stderr).toContain(
      'etc/motd is not the same on these nodes: dif1, dif4 (2 nodes); dif2 (1 node); dif3 (1 node without it)',
    );
  });

  it('that changes nothing does nothing, and one whose editor fails neither', async () => {
    const { ids } = await fleet('no', [chrony()]);
    const same = await withEditor('true', 'edit', 'no1', 'etc/motd', '--yes');
    expect([same.code, same.stderr]).toEqual([0, 'nothing was changed in etc/motd\n']);
    const failed = await withEditor('echo x >> "$1"; exit 3', 'edit', 'no1', 'etc/motd', '--yes');
    expect(refusal(failed)).toEqual([EXIT.failed, 'step_failed']);
    expect(failed.stderr).toContain('ended with 3, and nothing was changed');
    const gone = await withEditor('rm "$1"', 'edit', 'no1', 'etc/motd', '--yes');
    expect(refusal(gone)).toEqual([EXIT.failed, 'step_failed']);
    const none = await runCli(
      ['--home', desk.home, '--server', desk.url, 'edit', 'no1', 'etc/motd', '--yes'],
      { env: { VISUAL: 'no-such-editor', EDITOR: 'true' } },
    );
    expect(none.stderr).toContain('$VISUAL or $EDITOR names another');
    const { entries } = await desk.json<{ entries: unknown[] }>('history', ids[0]!);
    expect(entries).toHaveLength(1);
  });

  it('leaves nothing behind of what an editor wrote beside it, nor where a signal ends it', async () => {
    await fleet('sig', [chrony()]);
    const beside = 'cp "$1" "$1~"; ln -s /nowhere "$(dirname "$1")/.#lock"; echo y >> "$1"';
    expect((await withEditor(beside, 'edit', 'sig1', 'etc/motd', '--yes')).code).toBe(0);
    for (const signal of ['SIGTERM', 'SIGHUP'] as const) {
      const ready = join(work, `ready ${signal}`);
      const { child, done } = await startCli(
        ['--home', desk.home, '--server', desk.url, 'edit', 'sig1', 'etc/motd', '--yes'],
        { env: editor(`touch "${ready}"; exec sleep 1000`) },
      );
      while (!fs.existsSync(ready)) await new Promise((resolve) => setTimeout(resolve, 20));
      expect(left()).toHaveLength(1);
      child.kill(signal);
      const { code, stderr } = await done;
      if (signal === 'SIGTERM')
        expect([code, stderr]).toEqual([130, expect.stringContaining('nothing was changed')]);
      else expect(code).toBe(129);
      expect(left()).toEqual([]);
    }
  });

  it('goes on by the file that one of them has already', async () => {
    const { ids } = await fleet('on', [chrony(), chrony(), chrony()]);
    expect((await withEditor('echo z >> "$1"', 'edit', 'on1', 'etc/motd', '--yes')).code).toBe(0);
    const args = ['edit', ...ids, 'etc/motd', '--like', 'on1', '--yes'];
    const rest = await desk.json<Document>(...args);
    expect(rest.decisions).toHaveLength(2);
    expect(rest.leftOut).toEqual([
      { node: ids[0], name: 'on1', code: 'same', message: 'it is so already' },
    ]);
    expect((await desk.json<Document>(...args)).decisions).toEqual([]);
    const absent = await desk.run('edit', ids[1]!, 'etc/issue', '--like', 'on1', '--yes');
    expect(refusal(absent)).toEqual([EXIT.notFound, 'not_found']);
  });
});

describe('put, rm and set', () => {
  it('put a file, keep its mode and owner or take others, and take it out again', async () => {
    const { ids } = await fleet('put', [chrony(), chrony()]);
    const file = join(work, 'f');
    fs.writeFileSync(file, 'key\n', { mode: 0o755 });
    const put = async (...args: string[]) =>
      desk.json<Document>('put', file, ...ids, ...args, '--yes');
    expect((await put('--to', 'etc/motd')).decisions).toHaveLength(2);
    expect(await listed(ids[0]!, 'etc/motd')).toMatchObject({ mode: '0644', owner: 'root' });
    const owned = ['--to', 'etc/motd', '--mode', '0640', '--owner', 'chrony=998:chrony=996'];
    expect((await put(...owned)).decisions).toHaveLength(2);
    expect(await listed(ids[1]!, 'etc/motd')).toMatchObject({
      mode: '0640',
      owner: 'chrony',
      uid: 998,
    });
    fs.writeFileSync(file, 'key2\n');
    await put('--to', 'etc/motd');
    expect(await listed(ids[1]!, 'etc/motd')).toMatchObject({ mode: '0640', owner: 'chrony' });
    await put('--to', 'etc/ldap.secret', '--unseen', 'etc/ldap.secret');
    expect(await listed(ids[0]!, 'etc/ldap.secret')).toMatchObject({ mode: '0600' });
    const removed = await desk.json<Document>('rm', 'etc/ldap.secret', ...ids, '--yes');
    expect(removed.groups[0]!.shown.files).toMatchObject([
      { path: 'etc/ldap.secret', change: 'removed' },
    ]);
    const again = await desk.run('rm', 'etc/ldap.secret', ...ids, '--yes');
    expect([again.code, again.stderr]).toEqual([
      0,
      expect.stringContaining('there is no etc/ldap.secret in'),
    ]);
  });

  it('refuse a path that no list has, an owner that nobody knows, and what is no mode', async () => {
    await fleet('bad', [chrony()]);
    const file = join(work, 'f');
    fs.writeFileSync(file, 'x\n');
    const to = (path: string, ...more: string[]) =>
      desk.run('put', file, 'bad1', '--to', path, ...more, '--yes');
    expect(refusal(await to('usr/bin/ls'))).toEqual([EXIT.refused, 'path_refused']);
    expect(refusal(await to('etc/../x'))).toEqual([EXIT.usage, 'usage']);
    expect(refusal(await to('etc/motd', '--mode', '4755'))).toEqual([EXIT.usage, 'usage']);
    expect(refusal(await to('etc/motd', '--owner', 'a:b:c'))).toEqual([EXIT.usage, 'usage']);
    const unknown = await to('etc/motd', '--owner', 'nobody7');
    expect([unknown.code, unknown.stdout]).toEqual([
      EXIT.failed,
      expect.stringContaining('nobody7=NUMBER'),
    ]);
    expect((await desk.run('edit', 'bad1', 'usr/bin/ls', '--yes')).code).toBe(EXIT.refused);
  });

  it('sets what a review names, takes it out, and refuses what is no setting', async () => {
    const { ids } = await fleet('set', [chrony(), chrony()]);
    const set = (text: string) => desk.run('set', text, ...ids, '--yes');
    for (const text of [
      'timezone=Europe/Berlin',
      'swap=zram',
      'enable=b.service,a.socket',
      'mask=b.service',
      'alias=x.service=y.service',
      'wants=a.target.wants/b.service',
      'restart:/etc/motd=b.service c.service',
      'answer:ip=192.0.2.1',
    ]) {
      const { code, stdout } = await set(text);
      expect([text, code, stdout.match(/^approved /gm)?.length]).toEqual([text, 0, 2]);
    }
    expect((await shown(ids[0]!)).bundle.metadata).toMatchObject({
      ...{ timezone: 'Europe/Berlin', swap: 'zram', enable: ['a.socket'], mask: ['b.service'] },
      ...{ alias: ['x.service=y.service'], wants: ['a.target.wants/b.service'] },
      restart: { 'etc/motd': ['b.service', 'c.service'] },
      answers: { ip: '192.0.2.1' },
    });
    expect((await set('unit:b.service=')).code).toBe(0);
    expect((await set('timezone=')).code).toBe(0);
    const { metadata } = (await shown(ids[0]!)).bundle;
    expect([metadata['mask'], metadata['timezone']]).toEqual([undefined, undefined]);
    for (const text of [
      'madeBy=x',
      'keySource=tpm',
      'timezone',
      'timezone=a b',
      'enable=',
      'enable=x',
      'hostname=two',
      'unit:b.service=on',
      'left:etc/motd=00000000',
    ]) {
      expect([text, refusal(await set(text))[0]]).toEqual([text, EXIT.usage]);
    }
    expect((await desk.run('set', 'hostname=solo', ids[0]!, '--yes')).code).toBe(0);
    expect((await desk.run('set', 'swap=none', 'solo', '--yes')).code).toBe(0);
  });

  it('say what waits and becomes stale, keep the end of an approval, and leave out what is not there', async () => {
    const { nodes, ids } = await fleet('mix', [chrony(), chrony(), chrony()]);
    await desk.run('renew', ids[0]!, '--expires', '2037-01-31', '--yes');
    const waiting = propose({
      keyset: desk.site.pinned.keyset,
      node: nodes[1]!,
      files: chrony('x'),
    });
    await desk.store.create(pendingKey(ids[1]!, parseDigest(toHex(waiting.digest))), waiting.bytes);
    const revoke = ['revoke', ids[2]!, '--reason', 'stolen', '--yes'];
    expect((await desk.run(...revoke)).code).toBe(0);
    const first = makeNode('change first');
    await desk.propose(first, {});
    const { code, stdout, stderr } = await desk.run('set', 'swap=zram', ...ids, first.id, '--yes');
    expect(code).toBe(EXIT.failed);
    expect(stderr).toContain(
      'mix2: 1 proposal of it, made before this: stale once this is decided',
    );
    expect(stdout).toContain('2 nodes left out:');
    expect(stdout).toContain('revoke is in force for it, without a configuration');
    expect(stdout).toMatch(/^approved \w+ \(seq 3, slot 3, until 2037-01-31/m);
    const approve = await desk.run('approve', ids[1]!, '--yes');
    expect(refusal(approve)).toEqual([EXIT.conflict, 'stale_base']);
    const rows = await desk.run('set', 'swap=none', '--where', 'name~mix*', '--yes');
    expect(rows.stdout.match(/^approved /gm)).toHaveLength(2);
  });

  it('is what a machine applies', async () => {
    const machine = makeMachine({ ...desk.site, servers: [desk.url] });
    machine.write('etc/hostname', 'real\n');
    machine.write('etc/chrony.conf', 'server a\n');
    await machine.run('propose');
    await desk.run('approve', machine.identity.id, '--yes');
    expect((await machine.run('boot')).code).toBe(0);
    const file = join(work, 'real');
    fs.writeFileSync(file, 'server z\n');
    const id = machine.identity.id;
    expect((await desk.run('put', file, id, '--to', 'etc/chrony.conf', '--yes')).code).toBe(0);
    expect((await machine.run('boot')).code).toBe(0);
    expect(machine.read('etc/chrony.conf')).toBe('server z\n');
    machine.remove();
  });
});

describeWith('terminal', 'on a terminal', () => {
  it('a decision of somebody else meanwhile is listed and not signed, and the rest is', async () => {
    const { ids } = await fleet('tm', [chrony(), chrony(), chrony()]);
    const { EDITOR } = editor('echo w >> "$1"');
    const command = [
      ...['env', 'PAGER=cat', 'TERM=xterm', `EDITOR=${EDITOR}`],
      ...[process.execPath, cliProgram(), '--home', desk.home, '--server', desk.url],
      ...['edit', ...ids, 'etc/motd'],
    ];
    const screen = await openScreen(command, { columns: 120, rows: 40, term: 'xterm' });
    await screen.until('Change 3 nodes: tm1..tm3?');
    expect((await desk.run('reconfigure', ids[1]!, '--yes')).code).toBe(0);
    screen.type('y');
    await screen.until(`moved meanwhile ${ids[1]!}`);
    await screen.until('2 of 3 signed, 1 failed');
    await screen.until(`--like ${ids[0]!}`);
    screen.close();
    const rest = await desk.json<Document>('edit', ...ids, 'etc/motd', '--like', ids[0]!, '--yes');
    expect(rest.decisions.map(({ node }) => node)).toEqual([ids[1]]);
  });
});
