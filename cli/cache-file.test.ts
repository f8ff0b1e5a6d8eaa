import * as fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { CacheEntries, CachePort } from '../admin/cache.ts';
import { deriveIdentity } from '../bundle/index.ts';
import { hasCode } from '../protocol/errors.ts';
import { itOnSmallDisk } from '../tests/support/small-disk.ts';
import { withTemporaryFolder } from '../tests/support/temporary-folder.ts';
import { cacheKey, fileCache } from './cache-file.ts';

const ada = deriveIdentity(new Uint8Array(32).fill(9));
const site = { id: new Uint8Array(16).fill(3) };

let folder: string;
let path: string;
withTemporaryFolder('cache', (made) => ([folder, path] = [made, join(made, 'status.cache')]));

const entry = (version: string) => ({ version, facts: { name: 'gx001' } });
const adding =
  (key: string, version = '1') =>
  (kept: CacheEntries): CacheEntries =>
    new Map(kept).set(key, entry(version));
const open = (at = path, errors: Error[] = []): CachePort =>
  fileCache(at, cacheKey(ada, site), (error) => errors.push(error));
const keys = async (cache = open()): Promise<string[]> => [...(await cache.load()).keys()].sort();

describe('the file of the cache', () => {
  it('is empty at first, keeps what was added, and shows none of it', async () => {
    expect(await keys()).toEqual([]);
    const cache = open();
    await cache.update(adding('approved/a'));
    await cache.update(adding('approved/b'));
    expect(await open().load()).toEqual(
      new Map([
        ['approved/a', entry('1')],
        ['approved/b', entry('1')],
      ]),
    );
    expect(fs.readFileSync(path, 'latin1')).not.toMatch(/approved|gx001/);
    expect(fs.statSync(path).mode & 0o777).toBe(0o600);
    expect(fs.readdirSync(folder)).toEqual(['status.cache']);
  });

  it('loses nothing that many keep at once, in programs that loaded before', async () => {
    const caches = Array.from({ length: 12 }, () => open());
    await Promise.all(caches.map((cache) => cache.load()));
    await Promise.all(caches.map((cache, i) => cache.update(adding(`reports/${i}`))));
    expect(await keys()).toHaveLength(12);
    expect(await keys(caches[0])).toHaveLength(12);
  });

  it('is none for another key and another site, and they keep theirs', async () => {
    await open().update(adding('approved/a'));
    const other = deriveIdentity(new Uint8Array(32).fill(8));
    const theirs = fileCache(path, cacheKey(other, site), () => expect.fail());
    expect(await keys(theirs)).toEqual([]);
    const elsewhere = fileCache(path, cacheKey(ada, { id: new Uint8Array(16) }), () =>
      expect.fail(),
    );
    expect(await keys(elsewhere)).toEqual([]);
    await theirs.update(adding('approved/b'));
    expect(await keys()).toEqual([]);
    expect(await keys(theirs)).toEqual(['approved/b']);
  });

  it('is none where it is damaged, foreign or no file, and is written anew', async () => {
    await open().update(adding('approved/a'));
    const whole = fs.readFileSync(path);
    for (const at of [0, 17, 18, 49, 50, whole.length - 17, whole.length - 16, whole.length - 1]) {
      const damaged = Uint8Array.from(whole);
      damaged[at]! ^= 1;
      for (const content of [damaged, whole.subarray(0, at)]) {
        fs.writeFileSync(path, content);
        expect([at, await keys()]).toEqual([at, []]);
      }
    }
    fs.writeFileSync(path, '{"coatcheck": "memory/1"}\n');
    await open().update(adding('approved/c'));
    expect(await keys()).toEqual(['approved/c']);
  });

  it('is done without where it can be neither read nor written', async () => {
    const errors: Error[] = [];
    fs.mkdirSync(path);
    const cache = open(path, errors);
    expect(await keys(cache)).toEqual([]);
    await cache.update(adding('approved/a'));
    expect(errors.map((error) => hasCode(error, 'file_malformed', 'file_exists'))).toEqual([true]);
    await open(join(folder, 'nowhere', 'status.cache'), errors).update(adding('approved/a'));
    expect(hasCode(errors[1], 'file_missing')).toBe(true);
    expect(fs.readdirSync(folder)).toEqual(['status.cache']);
  });

  itOnSmallDisk('64k', 'is as it was where the disk is full', async ({ path: disk }) => {
    const errors: Error[] = [];
    const at = join(disk, 'status.cache');
    await open(at, errors).update(adding('approved/a'));
    fs.writeFileSync(join(disk, 'other'), new Uint8Array(40_000));
    await open(at, errors).update((kept) =>
      new Map(kept).set('x', { version: '1', facts: 'x'.repeat(40_000) }),
    );
    expect(errors.map((error) => hasCode(error, 'disk_full'))).toEqual([true]);
    expect(await keys(open(at))).toEqual(['approved/a']);
    expect(fs.readdirSync(disk).sort()).toEqual(['other', 'status.cache']);
  });
});
