import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startMinio } from './start.ts';

describe('startMinio in a container', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'coatcheck-engine-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('publishes one port on loopback, keeps the data outside, and hides the root pair', async () => {
    const engine = join(folder, 'docker');
    const log = join(folder, 'log');
    // Stands in for an engine: what it is asked is what this test is about.
    await writeFile(engine, `#!/bin/sh\necho "$@" > ${log}\nenv >> ${log}\n`);
    await chmod(engine, 0o755);
    const data = join(folder, 'data');
    const root = { rootUser: 'the-user', rootPassword: 'the-password' };
    await expect(
      startMinio({ kind: 'container', engine, image: 'some/minio:tag' }, data, root),
    ).rejects.toMatchObject({ code: 'probe_failed' });

    const [line, ...environment] = (await readFile(log, 'utf8')).split('\n');
    expect(line).toMatch(/^run --rm --publish 127\.0\.0\.1:\d+:9000 --volume .*\/data:\/data /);
    expect(line).toMatch(/ --env MINIO_ROOT_PASSWORD .* some\/minio:tag server \/data$/);
    expect(line).not.toContain('the-password');
    expect(environment).toContain('MINIO_ROOT_PASSWORD=the-password');
  });
});
