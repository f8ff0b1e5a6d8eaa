import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cachedProgram, findContainer, findGo, findMinio } from './find.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'coatcheck-find-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function program(path: string, script = 'exit 0', mode = 0o755): Promise<string> {
  const file = join(folder, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `#!/bin/sh\n${script}\n`);
  await chmod(file, mode);
  return file;
}
const env = (more: Record<string, string> = {}): Record<string, string> => ({
  PATH: `${join(folder, 'empty')}:${join(folder, 'bin')}`,
  COATCHECK_CACHE: join(folder, 'cache'),
  ...more,
});

describe('findMinio', () => {
  it('finds none where there is none', async () => {
    expect(await findMinio(env())).toBeUndefined();
    expect(await findMinio({ COATCHECK_CACHE: folder })).toBeUndefined();
  });

  it('takes the cache, before it the PATH, before it the endpoint', async () => {
    const cached = await program('cache/minio/minio');
    expect(cachedProgram('minio', env())).toBe(cached);
    expect(await findMinio(env())).toEqual({ kind: 'binary', path: cached });

    const onPath = await program('bin/minio');
    expect(await findMinio(env())).toEqual({ kind: 'binary', path: onPath });

    const given = {
      COATCHECK_MINIO_ENDPOINT: 'http://127.0.0.1:9000',
      COATCHECK_MINIO_USER: 'root',
      COATCHECK_MINIO_PASSWORD: 'password',
    };
    expect(await findMinio(env(given))).toEqual({
      kind: 'endpoint',
      endpoint: 'http://127.0.0.1:9000',
      rootUser: 'root',
      rootPassword: 'password',
    });
  });

  it('does not take a file that cannot be run', async () => {
    await program('bin/minio', '', 0o644);
    expect(await findMinio(env())).toBeUndefined();
  });

  it('refuses an endpoint without its root pair', async () => {
    const given = env({ COATCHECK_MINIO_ENDPOINT: 'http://127.0.0.1:9000' });
    await expect(findMinio(given)).rejects.toMatchObject({ code: 'usage' });
  });
});

describe('findContainer', () => {
  it('takes the engine that answers, not one whose service is down', async () => {
    await program('bin/docker', 'exit 1');
    expect(await findContainer(env())).toBeUndefined();
    const podman = await program('bin/podman', 'test "$1" = info');
    expect(await findContainer(env())).toMatchObject({ kind: 'container', engine: podman });
  });
});

describe('findGo', () => {
  it('takes go from the PATH', async () => {
    expect(await findGo(env())).toBeUndefined();
    const go = await program('bin/go');
    expect(await findGo(env())).toBe(go);
  });
});
