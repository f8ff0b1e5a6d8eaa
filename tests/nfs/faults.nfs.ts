import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createFilesystemStore, openFilesystemStore } from '../../store/filesystem.ts';
import type { ObjectKey } from '../../protocol/keys.ts';
import { until } from '../support/network.ts';
import { openLab, Refused } from './lab.ts';
import type { Client, Lab } from './lab.ts';

const NAME = 'approved/n';
const KEY = NAME as ObjectKey;
const LIMIT = { maxBytes: 1e6 };

let lab: Lab;
let one: Client;
let other: Client;
beforeAll(async () => {
  lab = await openLab('faults');
  [one, other] = await Promise.all([lab.boot(11), lab.boot(12)]);
});
afterAll(() => lab.close());

/** A new store, made by this machine, which claims nothing. */
async function freshStore(): Promise<{ here: string; folder: string; file: string }> {
  const here = fs.mkdtempSync(join(lab.exported, 'store-'));
  await openFilesystemStore(here, { create: true });
  const file = join(here, 'objects', `${NAME}.object`);
  return { here, folder: here.replace(lab.exported, '/mnt'), file };
}

const textAt = async (here: string): Promise<string | undefined> => {
  const object = await createFilesystemStore(here).get(KEY, LIMIT);
  return object && Buffer.from(object.body).toString();
};

async function keysAt(here: string, prefix: string): Promise<string[]> {
  const { objects } = await createFilesystemStore(here).list(prefix);
  return objects.map(({ key }) => key);
}

/** As `until`, of what this machine sees of the export. */
const exists = (path: string): Promise<void> => until(() => fs.existsSync(path));

describe('an answer of the server that is lost', () => {
  let way: Awaited<ReturnType<Lab['losing']>>;
  afterEach(async () => {
    // By the way that it has, while there is one.
    await one.call('unmount');
    await way.close();
  });

  /** With a server that has started again since, and so remembers no answer. */
  async function askedTwice(): Promise<void> {
    await lab.server.kill();
    await lab.server.start();
    await way.mend();
  }

  it('of a create: it is known as ours', async () => {
    const { here, folder, file } = await freshStore();
    way = await lab.losing('n.object');
    await one.call('mount', { options: 'vers=4.2,port=2050' });
    const created = one.call('create', { folder, name: NAME, body: 'ours' });
    await way.lost();
    await exists(file);
    await askedTwice();
    await created;
    expect(await textAt(here)).toBe('ours');
    expect(fs.readdirSync(join(here, 'staging'))).toEqual([]);
    await expect(
      other
        .call('mount', { options: 'vers=4.2' })
        .then(() => other.call('create', { folder, name: NAME, body: 'ours' })),
    ).rejects.toMatchObject({ code: 'already_exists' });
  });

  it('of a replace: it is known as done', async () => {
    const { here, folder, file } = await freshStore();
    await createFilesystemStore(here).create(KEY, Buffer.from('before'));
    const { ino } = fs.statSync(file);
    way = await lab.losing('staged.', 'n.object');
    await one.call('mount', { options: 'vers=4.2,port=2050' });
    const replaced = one.call('replace', { folder, name: NAME, body: 'after' });
    await way.lost();
    await until(() => fs.statSync(file).ino !== ino);
    await askedTwice();
    await replaced;
    expect(await textAt(here)).toBe('after');
  });

  it('of a lock: it is held, and left again', async () => {
    const { here, folder } = await freshStore();
    const label = createHash('sha256').update(NAME).digest('hex').slice(0, 32);
    way = await lab.losing(`${label}.`);
    await one.call('mount', { options: 'vers=4.2,port=2050' });
    const deleted = one.call('delete', { folder, name: NAME });
    await way.lost();
    await until(() => fs.readdirSync(join(here, 'locks')).some((name) => name.startsWith(label)));
    await askedTwice();
    await deleted;
    expect(fs.readdirSync(join(here, 'locks'))).toEqual(['anchor']);
  });

  it('while a file is replaced that is open: another machine sees none meanwhile', async () => {
    const { here, folder, file } = await freshStore();
    await createFilesystemStore(here).create(KEY, Buffer.from('before'));
    way = await lab.losing('.nfs', 'n.object');
    await one.call('mount', { options: 'vers=4.2,port=2050' });
    await one.call('keepOpen', { path: file.replace(lab.exported, '/mnt') });
    const replaced = one.call('replace', { folder, name: NAME, body: 'after' });
    await way.lost();
    await until(() => !fs.existsSync(file));
    expect(await textAt(here)).toBeUndefined();
    await way.mend();
    await replaced;
    expect(await textAt(here)).toBe('after');
    // What it has kept of the old one is no object.
    const names = fs.readdirSync(join(here, 'objects', 'approved')).sort();
    expect(names).toEqual([expect.stringMatching(/^\.nfs/), 'n.object']);
    expect(await keysAt(here, 'approved/')).toEqual([NAME]);
    await one.stop();
    one = await lab.boot(11);
  });
});

it('a server that starts again loses nothing that it has acknowledged', async () => {
  const { here, folder } = await freshStore();
  await one.call('mount', { options: 'vers=4.2' });
  const count = 30;
  const said = one.call('createMany', { folder, prefix: 'history/n', count });
  await exists(join(here, 'objects', 'history', 'n', '5.object'));
  await lab.server.kill();
  await lab.server.start();
  expect(await said).toEqual(Array.from({ length: count }, () => 'created'));
  expect(await keysAt(here, 'history/')).toHaveLength(count);
});

/**
 * Opens a store, and is told why not. After a machine has died nfs-ganesha 4.3 answers with EIO now and then: asked
 * again it does not.
 */
async function opened(client: Client, folder: string): Promise<unknown> {
  for (;;) {
    const result = await client.call('open', { folder }).catch((error: unknown) => error);
    if (!(result instanceof Refused && result.code === 'store_unavailable')) return result;
  }
}

describe('a machine that dies', () => {
  it('leaves a lock that is named, and that an administrator removes', async () => {
    const { here, folder } = await freshStore();
    await createFilesystemStore(here).create(KEY, Buffer.from('before'));
    for (const client of [one, other]) await client.call('mount', { options: 'vers=4.2' });
    const label = createHash('sha256').update(NAME).digest('hex').slice(0, 32);
    await one.call('keepLock', { folder, label });
    await one.stop();
    const replacing = { folder, name: NAME, body: 'after' };
    const refused = await other.call('replace', replacing).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'store_unavailable' });
    const { message } = refused as Error;
    console.log(message);
    const [, left] = /process \d+ on client-11 is at work .* remove (\S+)$/.exec(message)!;
    fs.rmSync(left!.replace('/mnt', lab.exported));
    await other.call('replace', replacing);
    expect(await textAt(here)).toBe('after');
    one = await lab.boot(11);
  });

  it('leaves a claim that it takes back by itself, and that nobody else takes over', async () => {
    const { here, folder } = await freshStore();
    for (const client of [one, other]) await client.call('mount', { options: 'vers=4.2' });
    expect(await opened(one, folder)).toBeNull();
    await one.stop();
    const refused = await opened(other, folder);
    expect(refused).toMatchObject({ code: 'in_use' });
    const [, claim] = /^process \d+ on client-11 uses .* remove (\S+)$/.exec(
      (refused as Error).message,
    )!;
    one = await lab.boot(11);
    await one.call('mount', { options: 'vers=4.2' });
    expect(await opened(one, folder)).toBeNull();
    expect(fs.existsSync(claim!.replace('/mnt', lab.exported))).toBe(false);
    expect(await opened(other, folder)).toMatchObject({ code: 'in_use' });
    for (const name of fs.readdirSync(join(here, 'locks'))) {
      if (name.startsWith('machine.')) fs.rmSync(join(here, 'locks', name));
    }
    expect(await opened(other, folder)).toBeNull();
  });
});

it('serves a folder from one machine at a time, and doctor says what it lies on', async () => {
  for (const client of [one, other]) await client.call('mount', { options: 'vers=4.2' });
  const home = ['--home', '/mnt/site'];
  const init = [...home, '--server', 'http://10.77.0.11:8420', 'init', '--no-passphrase'];
  expect(await one.call('coatcheck', { args: init })).toMatchObject({ code: 0 });
  const serve = [...home, 'serve'];
  const first = (await one.call('coatcheck', { args: serve })) as { pid: number; said: string };
  expect(first).toHaveProperty('pid');
  const second = (await other.call('coatcheck', { args: serve })) as { code: number; said: string };
  console.log(second.said);
  expect(second).toMatchObject({ code: 4 });
  expect(second.said).toContain(`process ${first.pid} on client-11 uses /mnt/site/store`);
  const diagnosis = (await one.call('coatcheck', { args: [...home, 'doctor'] })) as {
    code: number;
    said: string;
  };
  console.log(diagnosis.said);
  expect(diagnosis.code).toBe(0);
  expect(diagnosis.said).toMatch(/^ok .*file system of the folder.*nfs4 \(vers=4\.2, hard\)/m);
  await one.call('signal', { pid: first.pid, signal: 'SIGTERM' });
  const third = (await other.call('coatcheck', { args: serve })) as { pid: number };
  expect(third).toHaveProperty('pid');
  await other.call('signal', { pid: third.pid, signal: 'SIGTERM' });
});
