// @module-tag long
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readCredentials } from '../../functions/stores/credentials.ts';
import { findMinio } from '../../local-minio/find.ts';
import { EXIT } from '../../protocol/errors.ts';
import { keepCredentials } from '../../local-minio/renewal.ts';
import { startMinio } from '../../local-minio/start.ts';
import { createS3Store } from '../../store/s3.ts';
import { describeWith } from '../support/components.ts';
import { freshBucket, runningMinio } from '../support/minio.ts';

const repository = join(import.meta.dirname, '../..');
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'coatcheck-lab-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function run(args: readonly string[]): { child: ChildProcess; output: () => string } {
  const child = spawn(process.execPath, ['--import', 'tsx', ...args], {
    cwd: repository,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  }
  return { child, output: () => text };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

describeWith('minio', 'npm run minio', () => {
  it(
    'keeps a seeded lab up, stops cleanly, and finds its data again',
    { tags: 'long' },
    async () => {
      const port = await freePort();
      const lab = ['local-minio/main.ts', '--dir', folder, '--port', String(port)];
      const admin = ['cli/main.ts', '--home', join(folder, 'site'), '--json'];
      for (let start = 0; start < 2; start++) {
        const { child, output } = run(lab);
        const exit = once(child, 'exit');
        while (!output().includes('the lab is up')) {
          expect(child.exitCode, output()).toBeNull();
          await sleep(50);
        }
        const again = run([...lab.slice(0, -1), String(await freePort())]);
        const [refused] = (await once(again.child, 'close')) as [number];
        expect([refused, again.output()]).toEqual([
          EXIT.conflict,
          expect.stringContaining(`process ${child.pid} on`),
        ]);
        const asked = run([...admin, '--server', `http://127.0.0.1:${port}`, 'pending']);
        const [code] = (await once(asked.child, 'close')) as [number];
        expect(code, asked.output()).toBe(0);
        expect(asked.output()).toContain('beta');

        child.kill('SIGINT');
        expect(await exit).toEqual([0, null]);
        const endpoint = /MinIO on (\S+);/.exec(output())![1]!;
        await expect(fetch(endpoint)).rejects.toThrow();
        for (const name of ['credentials.json', 'minio-root.json']) {
          expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);
        }
      }
    },
  );

  it('says so, and leaves no MinIO behind, if it cannot start', async () => {
    const busy = createServer().listen(0, '127.0.0.1');
    await once(busy, 'listening');
    const { port } = busy.address() as AddressInfo;
    const { child, output } = run([
      'local-minio/main.ts',
      ...['--dir', folder, '--port', String(port)],
    ]);
    const [code] = (await once(child, 'close')) as [number];
    busy.close();
    expect(code).toBe(9);
    expect(output()).toMatch(/^coatcheck: .* \[port_in_use\]$/m);
    expect(await readFile(join(folder, 'minio-root.json'), 'utf8')).toContain('rootUser');
  });

  it('finds the MinIO that the tests run on with --install, and builds none', async () => {
    const { child, output } = run(['local-minio/main.ts', '--install']);
    const [code] = (await once(child, 'close')) as [number];
    expect(code).toBe(0);
    expect(output()).toContain('MinIO is there');
  });
});

describeWith('minio', 'the credentials of a lab', () => {
  it('are replaced in their file before they end, and work', async () => {
    const bucket = await freshBucket();
    const path = join(folder, 'credentials.json');
    const kept = await keepCredentials(runningMinio(), {
      ...{ bucket: bucket.name, path, durationSeconds: 900, renewAfterSeconds: 0.5 },
      say: (line) => expect.fail(line),
    });
    const first = await readCredentials(path);
    let second = first;
    while (second.admin.accessKeyId === first.admin.accessKeyId) {
      await sleep(100);
      second = await readCredentials(path);
    }
    kept.stop();
    for (const { admin } of [first, second]) {
      expect(await bucket.store('admin', { credentials: admin }).list('')).toEqual({ objects: [] });
    }
    expect(second.upload.expiration!.getTime()).toBeGreaterThan(Date.now() + 800_000);
  });
});

describeWith('minio', 'startMinio', () => {
  it('has a root pair of its own each time, and is gone after stop', async () => {
    const found = (await findMinio())!;
    if (found.kind === 'endpoint') return; // what runs already is not ours to stop
    const one = await startMinio(found, join(folder, 'one'));
    const two = await startMinio(found, join(folder, 'two'));
    expect(one.rootPassword).not.toBe(two.rootPassword);
    expect(one.endpoint).not.toBe(two.endpoint);
    const store = createS3Store({
      ...{ bucket: 'some', region: 'us-east-1', endpoint: one.endpoint },
      credentials: { accessKeyId: two.rootUser, secretAccessKey: two.rootPassword },
    });
    await expect(store.list('')).rejects.toMatchObject({ code: 'store_denied' });
    for (const minio of [one, two]) {
      await minio.stop();
      await minio.stop();
      await expect(fetch(minio.endpoint)).rejects.toThrow();
    }
  });

  it('says what a server that does not start has said', async () => {
    await expect(
      startMinio({ kind: 'binary', path: '/bin/false' }, join(folder, 'none')),
    ).rejects.toMatchObject({ code: 'probe_failed' });
    await expect(
      startMinio({ kind: 'binary', path: join(folder, 'missing') }, join(folder, 'none')),
    ).rejects.toMatchObject({ code: 'probe_failed', message: /ENOENT/ });
  });
});
