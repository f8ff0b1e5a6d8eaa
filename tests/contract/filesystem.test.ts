import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, open, readdir, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stageFile } from '../../files/own-file.ts';
import { approvedKey, historyKey, parseNodeId, pendingKey } from '../../protocol/keys.ts';
import type { DigestHex } from '../../protocol/keys.ts';
import { createFilesystemStore, openFilesystemStore } from '../../store/filesystem.ts';
import { listAll } from '../../store/port.ts';
import type { ObjectStore } from '../../store/port.ts';
import { mountSmallDisk } from '../support/small-disk.ts';
import type { SmallDisk } from '../support/small-disk.ts';

const ID = parseNodeId('a'.repeat(32));
const KEY = approvedKey(ID);
const LIMIT = { maxBytes: 1024 * 1024 };
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Another process, on the same folder. */
function otherProcess(job: string, path: string): ChildProcess {
  const script = join(import.meta.dirname, '../support/store-process.ts');
  return spawn(process.execPath, ['--import', 'tsx', script, job, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}
const firstLine = (child: ChildProcess): Promise<unknown> =>
  once(createInterface(child.stdout!), 'line');

describe('the filesystem store', () => {
  let dir: string;
  let store: ObjectStore;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'coatcheck-fs-'));
    store = await openFilesystemStore(dir, { create: true });
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  it('keeps no folder of a node that has nothing there any more', async () => {
    const keys = ['1', '2'].map((digit) => pendingKey(ID, digit.repeat(64) as DigestHex));
    for (const key of keys) await store.create(key, bytes('x'));
    await store.delete(keys[0]!);
    expect(await readdir(join(dir, 'objects/pending'))).toHaveLength(1);
    await store.delete(keys[1]!);
    expect(await readdir(join(dir, 'objects/pending'))).toEqual([]);
    await store.create(keys[0]!, bytes('again'));
    expect((await store.get(keys[0]!, LIMIT))?.body).toEqual(bytes('again'));
  });

  it(
    'loses no object that is created while the last one beside it is deleted',
    { tags: 'long' },
    async () => {
      const other = createFilesystemStore(dir);
      const [gone, kept] = ['1', '2'].map((digit) => pendingKey(ID, digit.repeat(64) as DigestHex));
      for (let i = 0; i < 200; i++) {
        await store.create(gone!, bytes('x'));
        await Promise.all([store.delete(gone!), other.create(kept!, bytes('y'))]);
        expect((await store.get(kept!, LIMIT))?.body).toEqual(bytes('y'));
        await Promise.all([other.delete(kept!), store.list('pending/')]);
      }
    },
  );

  it('reads what is not there while something else that is not there is deleted', async () => {
    const work = { isDone: false };
    const slots = Array.from({ length: 200 }, (_, i) => historyKey(ID, i + 1));
    const deleting = Promise.all(slots.map((key) => store.delete(key))).then(
      () => (work.isDone = true),
    );
    while (!work.isDone) {
      expect(await store.get(historyKey(ID, 1000), LIMIT)).toBeUndefined();
      expect(await store.list(`history/${ID}/`)).toEqual({ objects: [] });
    }
    await deleting;
  });

  it('loses no update when three processes replace the same object', async () => {
    await store.create(KEY, bytes('0'));
    const exits = await Promise.all(
      [1, 2, 3].map(() => once(otherProcess('count', dir), 'exit') as Promise<[number]>),
    );
    expect(exits.map(([code]) => code)).toEqual([0, 0, 0]);
    expect((await store.get(KEY, LIMIT))!.body).toEqual(bytes('150'));
    expect(await readdir(join(dir, 'locks'))).toEqual(['anchor']);
    expect(await readdir(join(dir, 'staging'))).toEqual([]);
  });

  it('has every object that was acknowledged, and whole ones only, after a SIGKILL', async () => {
    for (let round = 0; round < 3; round++) {
      const folder = join(dir, `round${round}`);
      await openFilesystemStore(folder, { create: true });
      const writer = otherProcess('create', folder);
      let acknowledged = 0;
      createInterface(writer.stdout!).on('line', (line) => (acknowledged = Number(line)));
      while (acknowledged < 20 + 7 * round) await once(writer.stdout!, 'data');
      writer.kill('SIGKILL');
      await once(writer, 'exit');

      const after = await openFilesystemStore(folder);
      let found = 0;
      for await (const { key } of listAll(after, `history/${ID}/`)) {
        found++;
        expect(key).toBe(historyKey(ID, found));
        const { body } = (await after.get(key, LIMIT))!;
        expect(body.length).toBe(32 * 1024);
        expect(body.every((byte) => byte === found % 251)).toBe(true);
      }
      expect(found).toBeGreaterThanOrEqual(acknowledged);
      await after.create(historyKey(ID, found + 1), bytes('goes on'));
    }
  });

  it(
    'waits for the lock of another machine, and says which file it is',
    { tags: 'long' },
    async () => {
      const label = createHash('sha256').update(KEY).digest('hex').slice(0, 32);
      const name = `${label}.${'0'.repeat(16)}.1.1.1.b007.elsewhere`;
      await writeFile(join(dir, 'locks', name), '');
      await expect(store.delete(KEY)).rejects.toMatchObject({
        code: 'store_unavailable',
        message: expect.stringMatching(`process 1 on elsewhere .*${name}`) as string,
      });
    },
  );

  it('sweeps what killed writers left, and what strangers left an hour ago', async () => {
    const writer = otherProcess('create', dir);
    await firstLine(writer);
    writer.kill('SIGKILL');
    await once(writer, 'exit');
    const own = await stageFile(join(dir, 'staging'), bytes('in use'));
    const hourAgo = Date.now() / 1000 - 3700;
    const stranger = `${'0'.repeat(16)}.1.1.1.b007.elsewhere`;
    for (const path of ['staging/old', 'staging/young', 'locks/held']) {
      await writeFile(join(dir, `${path}.${stranger}`), 'x');
      if (!path.endsWith('young')) await utimes(join(dir, `${path}.${stranger}`), hourAgo, hourAgo);
    }
    await openFilesystemStore(dir);
    const left = [basename(own), `young.${stranger}`];
    expect((await readdir(join(dir, 'staging'))).sort()).toEqual(left.sort());
    expect(await readdir(join(dir, 'locks'))).toEqual(['anchor', `held.${stranger}`]);
  });

  it('never makes a store by the way', async () => {
    const missing = join(dir, 'not', 'mounted');
    await expect(openFilesystemStore(missing)).rejects.toMatchObject({ code: 'no_such_bucket' });
    const there = join(dir, 'empty');
    await mkdir(there);
    const unmounted = createFilesystemStore(there);
    await expect(unmounted.create(KEY, bytes('x'))).rejects.toMatchObject({
      code: 'no_such_bucket',
    });
    expect(await readdir(there)).toEqual([]);
    await store.create(KEY, bytes('x'));
    await rm(join(dir, 'objects'), { recursive: true });
    await expect(store.get(KEY, LIMIT)).rejects.toMatchObject({ code: 'no_such_bucket' });
    await expect(store.create(KEY, bytes('x'))).rejects.toMatchObject({ code: 'no_such_bucket' });
    expect(await readdir(join(dir, 'staging'))).toEqual([]);
  });

  it('leaves files alone that are not its own', async () => {
    await store.create(KEY, bytes('x'));
    const folder = join(dir, 'objects', 'approved');
    await writeFile(join(folder, '.DS_Store'), '');
    await writeFile(join(folder, 'UPPER.object'), '');
    await writeFile(join(folder, '%zz.object'), '');
    expect((await store.list('')).objects.map((object) => object.key)).toEqual([KEY]);
  });

  it('lists an object without reading it', async () => {
    await store.create(KEY, bytes('x'));
    // More than Node reads at once, and none of it on the disk.
    const size = 2 ** 32;
    await truncate(join(dir, 'objects', 'approved', `${ID}.object`), size);
    expect((await store.list('approved/')).objects).toMatchObject([{ key: KEY, size }]);
  });

  it('keeps keys apart that only differ in case, dots or escapes', async () => {
    const keys = ['a/B', 'a/b', 'a/%42', 'a/.', 'a/..', 'a/b.object', 'a//b', 'a/é', 'a/e\u0301'];
    for (const key of keys) await store.create(key as never, bytes(key));
    for (const key of keys) {
      expect((await store.get(key as never, LIMIT))!.body).toEqual(bytes(key));
    }
    expect((await store.list('a/')).objects).toHaveLength(keys.length);
    expect(await readdir(dir)).toEqual(expect.arrayContaining(['locks', 'objects', 'staging']));
  });

  it('replaces by another file: whoever has the old one open keeps it', async () => {
    const { etag } = await store.create(KEY, bytes('old'));
    const folder = join(dir, 'objects', 'approved');
    const opened = await open(join(folder, `${ID}.object`));
    await store.replace(KEY, bytes('new'), etag);
    expect(await opened.readFile('utf8')).toBe('old');
    await opened.close();
    expect(await readdir(folder)).toEqual([`${ID}.object`]);
  });
});

const disk = mountSmallDisk('256k');
if ('missing' in disk) {
  it('a full disk', (context) => context.skip(disk.missing));
} else {
  describe('the filesystem store on a small disk', () => fullDisk(disk));
}

function fullDisk(disk: SmallDisk): void {
  const dir = join(disk.path, 'store');
  const staging = join(dir, 'staging');
  afterEach(async () => {
    disk.remount('rw');
    await rm(dir, { recursive: true, force: true });
  });
  afterAll(() => disk.unmount());

  it('says store_full, leaves nothing behind, and works again once there is room', async () => {
    const store = await openFilesystemStore(dir, { create: true });
    const small = await store.create(KEY, bytes('small'));
    const filler = historyKey(ID, 1);
    await store.create(filler, new Uint8Array(150 * 1024));

    const large = new Uint8Array(200 * 1024);
    const full = { code: 'store_full' };
    await expect(store.create(historyKey(ID, 2), large)).rejects.toMatchObject(full);
    await expect(store.replace(KEY, large, small.etag)).rejects.toMatchObject(full);
    expect(await store.get(historyKey(ID, 2), LIMIT)).toBeUndefined();
    expect((await store.get(KEY, LIMIT))!.body).toEqual(bytes('small'));
    expect(await readdir(staging)).toEqual([]);

    await store.delete(filler);
    await store.create(historyKey(ID, 2), large);
    expect((await store.get(historyKey(ID, 2), LIMIT))!.size).toBe(large.length);
  });

  it('says store_denied on a disk that is read-only, and still reads', async () => {
    const store = await openFilesystemStore(dir, { create: true });
    const { etag } = await store.create(KEY, bytes('x'));
    disk.remount('ro');
    const denied = { code: 'store_denied' };
    await expect(store.create(historyKey(ID, 1), bytes('y'))).rejects.toMatchObject(denied);
    await expect(store.replace(KEY, bytes('y'), etag)).rejects.toMatchObject(denied);
    await expect(store.delete(KEY)).rejects.toMatchObject(denied);
    expect((await store.get(KEY, LIMIT))!.body).toEqual(bytes('x'));
  });
}
