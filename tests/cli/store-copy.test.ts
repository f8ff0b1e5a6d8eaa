// @module-tag long
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Session } from '../../admin/session.ts';
import type { Identity } from '../../bundle/index.ts';
import { COPY_MARKER } from '../../functions/copy/marker.ts';
import { createClient } from '../../protocol/client.ts';
import { LASTING } from '../../functions/doctor/probe.ts';
import { verifyEntry } from '../../protocol/history.ts';
import { approvedKey, reportKey } from '../../protocol/keys.ts';
import { createFilesystemStore, openFilesystemStore } from '../../store/filesystem.ts';
import { objectPath, storeFolders } from '../../store/filesystem-paths.ts';
import type { ObjectStore } from '../../store/port.ts';
import { openDesk, openSession, refusal, runCli, startServe } from '../support/cli.ts';
import type { Desk } from '../support/cli.ts';
import { itWith } from '../support/components.ts';
import { fleet, waits } from '../support/many-nodes.ts';
import type { One } from '../support/many-nodes.ts';
import { freshBucket } from '../support/minio.ts';
import type { TestBucket } from '../support/s3-bucket.ts';
import { makeMachine } from '../support/machine.ts';
import { makeNode } from '../support/site.ts';
import { contents } from '../support/stores.ts';

/** `store copy` and `store verify`, on a store that a real server works on. */

let desk: Desk;
let session: Session;
let ones: One[];
const filesOf = (name: string): Record<string, string> => ({ 'etc/motd': `${name}\n` });
beforeAll(async () => {
  desk = await openDesk();
  session = await openSession(desk);
  ones = await fleet(desk, session, { prefix: 'copied', count: 4, filesOf });
  // A second decision of one, so that slots follow one another, and what only waits.
  await waits(desk, ones[0]!, { 'etc/motd': 'second\n' });
  const { code } = await desk.run('approve', ones[0]!.node.id, '--yes');
  expect(code).toBe(0);
  await waits(desk, { node: makeNode('copied, new'), name: 'new' }, filesOf('new'));
  await desk.store.create(reportKey(ones[0]!.node.id), new Uint8Array(500).fill(7));
});
afterAll(() => desk.close());

let folder: string;
let target: string;
beforeEach(() => {
  folder = fs.mkdtempSync(join(tmpdir(), 'coatcheck-copy-'));
  target = join(folder, 'copy');
  return () => {
    fs.rmSync(folder, { recursive: true });
  };
});

const source = (): string => join(desk.home, 'store');
const coatcheck = (...args: string[]) => runCli(['--home', desk.home, ...args]);
const copy = (...args: string[]) => coatcheck('store', 'copy', ...args);
const verify = (...args: string[]) => coatcheck('store', 'verify', ...args);
const storeAt = (place: string): ObjectStore => createFilesystemStore(place);
const fileOf = (place: string, key: string): string => objectPath(storeFolders(place).objects, key);

function credentialsOf({ credentials }: TestBucket): string {
  const path = join(folder, 's3.json');
  fs.writeFileSync(path, JSON.stringify(credentials), { mode: 0o600 });
  return path;
}

describe('a copy of a store', () => {
  it('has every byte, is not served before it was verified, and serves a node then', async () => {
    expect(await copy(source(), target)).toMatchObject({ code: 0 });
    const refused = await startServe(['--home', desk.home, 'serve', '--store', target]).catch(
      String,
    );
    expect(refused).toContain('store verify');
    expect(await verify(target)).toMatchObject({ code: 0 });
    expect(await contents(storeAt(target))).toEqual(await contents(desk.store));

    const server = await startServe(['--home', desk.home, 'serve', '--store', target]);
    const { node } = ones[0]!;
    const client = createClient({ server: server.url, site: desk.site.id, identity: node });
    const { url } = await client.config(node.id);
    const got = await client.get(url, 1_000_000);
    const there = await desk.store.get(approvedKey(node.id), { maxBytes: 1_000_000 });
    expect(got).toEqual({ found: true, body: there!.body });
    await server.stop();
  });

  itWith('minio', 'goes to a bucket with its three key pairs, and back', async () => {
    const bucket = await freshBucket();
    const credentials = credentialsOf(bucket);
    const there = `s3://${bucket.name}`;
    const to = ['--to-endpoint', bucket.endpoint, '--to-credentials', credentials];
    expect(await copy(source(), there, ...to)).toMatchObject({ code: 0 });
    const serve = ['serve', '--store', there, '--endpoint', bucket.endpoint];
    const all = ['--home', desk.home, ...serve, '--credentials', credentials];
    expect(await startServe(all).catch(String)).toContain('store verify');
    const of = ['--endpoint', bucket.endpoint, '--credentials', credentials];
    expect(await verify(there, ...of)).toMatchObject({ code: 0 });
    const from = ['--from-endpoint', bucket.endpoint, '--from-credentials', credentials];
    expect(await copy(there, target, ...from)).toMatchObject({ code: 0 });
    expect(await verify(target)).toMatchObject({ code: 0 });
    expect(await contents(storeAt(target))).toEqual(await contents(desk.store));
  });

  it('that was killed at any write is finished by the same command', async () => {
    const wanted = await contents(desk.store);
    // The first is the mark.
    for (let at = 1; at <= wanted.length + 1; at += 2) {
      const place = join(folder, `killed-${at}`);
      const killed = await runCli(['--home', desk.home, 'store', 'copy', source(), place], {
        env: { NODE_OPTIONS: `--import=${killAtLink(at)}` },
      });
      expect([at, killed.code]).toEqual([at, null]);
      if (at > 1) expect(refusal(await verify(place))).toEqual([3, 'does_not_verify']);
      expect(await copy(source(), place)).toMatchObject({ code: 0 });
      expect(await verify(place)).toMatchObject({ code: 0 });
      expect(await contents(storeAt(place))).toEqual(wanted);
    }
  });

  it('of a store that goes on being used is behind it at most, and whole once that has stopped', async () => {
    let isOver = false;
    const decide = async (): Promise<void> => {
      for (let i = 0; !isOver; i++) {
        const one = { node: makeNode(`copied live ${i}`), name: `live${i}` };
        await waits(desk, one, filesOf(one.name));
        expect((await desk.run('approve', one.node.id, '--yes')).code).toBe(0);
      }
    };
    const deciding = decide();
    const live = await copy(source(), target);
    isOver = true;
    await deciding;
    expect([0, 4]).toContain(live.code);
    expect(await copy(source(), target)).toMatchObject({ code: 0 });
    expect(await verify(target)).toMatchObject({ code: 0 });
    expect(await contents(storeAt(target))).toEqual(await contents(desk.store));
  });

  it('loses what its source lost since', async () => {
    const gone = makeNode('copied, gone');
    const digest = await waits(desk, { node: gone, name: 'gone' }, filesOf('gone'));
    expect(await copy(source(), target)).toMatchObject({ code: 0 });
    await desk.store.delete(`pending/${gone.id}/${digest}` as Parameters<ObjectStore['delete']>[0]);
    const again = await copy(source(), target);
    expect([again.code, again.stdout]).toEqual([0, expect.stringContaining('1 removed')]);
    expect(await verify(target)).toMatchObject({ code: 0 });
    expect(await contents(storeAt(target))).toEqual(await contents(desk.store));
  });

  it('keeps no decision from an older source', async () => {
    expect(await copy(source(), target)).toMatchObject({ code: 0 });
    const older = join(folder, 'older');
    fs.cpSync(source(), older, { recursive: true });
    fs.rmSync(fileOf(older, approvedKey(ones[1]!.node.id)));
    const { code, stderr } = await copy(older, target);
    expect([code, stderr]).toEqual([3, expect.stringContaining(approvedKey(ones[1]!.node.id))]);
  });
});

describe('a byte that was flipped in a copy', () => {
  const KEYS: [string, (node: Identity) => string][] = [
    ['what a node is shown', ({ id }) => approvedKey(id)],
    ['a decision', ({ id }) => `history/${id}/0000000001`],
    ['a report, which nobody can open', ({ id }) => reportKey(id)],
  ];
  it.each(KEYS)('of %s is found, and mended by another copy', async (_, keyOf) => {
    expect(await copy(source(), target)).toMatchObject({ code: 0 });
    const path = fileOf(target, keyOf(ones[0]!.node));
    const bytes = fs.readFileSync(path);
    bytes[bytes.length - 1]! ^= 1;
    fs.writeFileSync(path, bytes);
    expect(refusal(await verify(target))).toEqual([3, 'does_not_verify']);
    expect((await copy(source(), target)).stdout).toContain('1 written');
    expect(await verify(target)).toMatchObject({ code: 0 });
  });

  it('is found in a store that is no copy, where the bytes prove themselves', async () => {
    fs.cpSync(source(), target, { recursive: true });
    expect(await verify(target)).toMatchObject({ code: 0 });
    const key = `history/${ones[0]!.node.id}/0000000002`;
    const bytes = fs.readFileSync(fileOf(target, key));
    bytes[bytes.length - 1]! ^= 1;
    fs.writeFileSync(fileOf(target, key), bytes);
    const { code, stderr } = await verify(target);
    expect([code, stderr]).toEqual([3, expect.stringContaining(key)]);
  });
});

it('what doctor leaves is no fault of a store, nor of its copy', async () => {
  fs.cpSync(source(), target, { recursive: true });
  expect(await coatcheck('doctor', '--store', target)).toMatchObject({ code: 0 });
  const sound = { code: 0, stdout: expect.not.stringContaining('junk') as string };
  expect(await verify(target)).toMatchObject(sound);
  const next = join(folder, 'next');
  expect(await copy(target, next)).toMatchObject({ code: 0 });
  expect(await verify(next)).toMatchObject(sound);
  expect(await storeAt(next).head(LASTING)).toBeDefined();
});

describe('a target', () => {
  it('that holds other objects is refused, and left as it is', async () => {
    const store = await openFilesystemStore(target, { create: true });
    await store.create(approvedKey(ones[0]!.node.id), new Uint8Array([1]));
    const before = await contents(store);
    expect(refusal(await copy(source(), target))).toEqual([4, 'already_exists']);
    expect(await contents(store)).toEqual(before);
  });
  it('that was verified is a store like any other: it is not copied into', async () => {
    expect(await copy(source(), target)).toMatchObject({ code: 0 });
    expect(await verify(target)).toMatchObject({ code: 0 });
    expect(refusal(await copy(source(), target))).toEqual([4, 'already_exists']);
  });
  it('that is the copy of another site is refused', async () => {
    expect(await copy(source(), target)).toMatchObject({ code: 0 });
    const path = fileOf(target, COPY_MARKER);
    const id = Buffer.from(desk.site.id).toString('hex');
    fs.writeFileSync(path, fs.readFileSync(path, 'utf8').replace(id, '0'.repeat(32)));
    expect(refusal(await copy(source(), target))).toEqual([4, 'already_exists']);
    expect((await verify(target)).code).toBe(6);
  });
  it('is not its own source, and an unverified copy is none', async () => {
    expect(refusal(await copy(source(), source()))).toEqual([2, 'usage']);
    expect(await copy(source(), target)).toMatchObject({ code: 0 });
    expect(refusal(await copy(target, join(folder, 'next')))).toEqual([3, 'does_not_verify']);
  });
});

describe('an older copy that was put back', () => {
  it('is refused by a machine that remembers more, until an administrator decides again', async () => {
    const machine = makeMachine(desk.site);
    const { identity: node } = machine;
    let base: Uint8Array | undefined;
    const decide = async (text: string): Promise<void> => {
      const one = { node, name: 'restored', ...(base && { base }) };
      await waits(desk, one, { 'etc/motd': text });
      expect((await desk.run('approve', node.id, '--yes')).code).toBe(0);
      const shown = await desk.store.get(approvedKey(node.id), { maxBytes: 1_000_000 });
      base = verifyEntry(shown!.body, desk.site, node.id).statementDigest;
    };
    const boot = async (url: string): Promise<[number | null, string | undefined, string]> => {
      const { code, stderr } = await machine.run('--server', url, 'boot', '--once');
      return [code, /\[(\w+)\]\n$/.exec(stderr)?.[1], machine.read('etc/motd')];
    };
    await decide('first\n');
    expect(await copy(source(), target)).toMatchObject({ code: 0 });
    expect(await verify(target)).toMatchObject({ code: 0 });
    await decide('second\n');
    expect(await boot(desk.url)).toEqual([0, undefined, 'second\n']);

    const restored = join(folder, 'restored');
    expect(await copy(target, restored)).toMatchObject({ code: 0 });
    expect(await verify(restored)).toMatchObject({ code: 0 });
    const server = await startServe(['--home', desk.home, 'serve', '--store', restored]);
    const admin = (...args: string[]) => coatcheck('--server', server.url, ...args);
    expect(await boot(server.url)).toEqual([3, 'rollback_refused', 'second\n']);
    expect(refusal(await admin('renew', node.id, '--yes'))[0]).toBe(10);
    expect((await admin('renew', node.id, '--yes', '--despite-memory')).code).toBe(0);
    expect(await boot(server.url)).toEqual([0, undefined, 'first\n']);
    await server.stop();
    machine.remove();
  });
});

/** A module that ends the process by SIGKILL before its n-th object gets its name. */
function killAtLink(n: number): string {
  return `data:text/javascript,${encodeURIComponent(`
    import promises from 'node:fs/promises';
    import { syncBuiltinESMExports } from 'node:module';
    const real = promises.link;
    let calls = 0;
    promises.link = (...args) => {
      if (args[1].endsWith('.object') && ++calls === ${n}) process.kill(process.pid, 'SIGKILL');
      return real(...args);
    };
    syncBuiltinESMExports();
  `)}`;
}
