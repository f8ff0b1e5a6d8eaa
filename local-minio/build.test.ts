import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { buildMinio, obtainMinio } from './build.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'coatcheck-build-'));
  vi.stubEnv('COATCHECK_CACHE', join(folder, 'cache'));
  vi.stubEnv('COATCHECK_MINIO_ENDPOINT', '');
  vi.stubEnv('PATH', folder);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true, force: true });
});

/** A toolchain that installs a program which says what it was built from, or fails. */
async function fakeGo(script: string): Promise<void> {
  await writeFile(join(folder, 'go'), `#!/bin/sh\nPATH=/bin:/usr/bin\n${script}\n`);
  await chmod(join(folder, 'go'), 0o755);
}
const said: string[] = [];
const say = (line: string): void => void said.push(line);

describe('buildMinio', () => {
  it('installs the last source into the cache, where it is found from then on', async () => {
    await fakeGo('echo "#built $*" > "$GOBIN/minio"; chmod 755 "$GOBIN/minio"');
    const path = await buildMinio(say);
    expect(path).toBe(join(folder, 'cache/minio/minio'));
    expect(await readFile(path, 'utf8')).toBe('#built install github.com/minio/minio@latest\n');
    expect(await readdir(join(folder, 'cache/minio'))).toEqual(['minio']);
    expect(said[0]).toMatch(/five minutes/);
    expect(await obtainMinio(say)).toEqual({ kind: 'binary', path });
  });

  it('leaves no half-built program behind, and says what Go said', async () => {
    await fakeGo('echo half > "$GOBIN/minio"; echo "no route to proxy" >&2; exit 1');
    await expect(buildMinio(say)).rejects.toMatchObject({
      code: 'probe_failed',
      message: expect.stringContaining('no route to proxy') as string,
    });
    expect(await readdir(join(folder, 'cache/minio'))).toEqual([]);
  });

  it('names the ways to a MinIO where there is none', async () => {
    await expect(obtainMinio(say)).rejects.toMatchObject({
      code: 'probe_failed',
      message: expect.stringMatching(
        /COATCHECK_MINIO_ENDPOINT[^]*PATH[^]*Docker[^]*Go[^]*filesystem/,
      ) as string,
    });
  });
});
