import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { fail } from '../protocol/errors.ts';
import { rootClient } from './bucket.ts';
import type { FoundMinio } from './find.ts';
import type { Minio, RootPair } from './minio.ts';
import { freePort, spawnServer } from './server-process.ts';

const START_MILLISECONDS = 60_000;

/**
 * Starts what {@link FoundMinio} names on a free port of the loopback interface; or takes the
 * endpoint that is running already, with the root pair that was found with it.
 * @param dataDir made if it is missing
 * @param root random unless given
 * @throws probe_failed if it ends or does not answer within a minute
 */
export async function startMinio(
  found: FoundMinio,
  dataDir: string,
  root: RootPair = randomRootPair(),
): Promise<Minio> {
  if (found.kind === 'endpoint') {
    const { endpoint, rootUser, rootPassword } = found;
    const running = { endpoint, rootUser, rootPassword };
    await waitUntilReady(running, () => undefined);
    return { ...running, stop: () => Promise.resolve() };
  }
  await mkdir(dataDir, { recursive: true });
  const { rootUser, rootPassword } = root;
  const port = await freePort();
  const [command, args] = commandLine(found, dataDir, port, await freePort());
  const server = spawnServer(command, args, {
    MINIO_ROOT_USER: rootUser,
    MINIO_ROOT_PASSWORD: rootPassword,
    MINIO_BROWSER: 'off',
    MINIO_UPDATE: 'off',
  });
  const endpoint = `http://127.0.0.1:${port}`;
  try {
    const started = { endpoint, rootUser, rootPassword };
    await waitUntilReady(started, () =>
      server.hasEnded() ? `it said: ${server.said().slice(-2000)}` : undefined,
    );
  } catch (error) {
    await server.stop();
    throw error;
  }
  const { pid } = server;
  return {
    ...{ endpoint, rootUser, rootPassword, stop: () => server.stop() },
    ...(pid === undefined ? {} : { pid }),
  };
}

/** A root pair that nobody had before: 192 random bits in its password. */
export function randomRootPair(): RootPair {
  return {
    rootUser: `root-${randomBytes(6).toString('hex')}`,
    rootPassword: randomBytes(24).toString('base64url'),
  };
}

function commandLine(
  found: Exclude<FoundMinio, { kind: 'endpoint' }>,
  dataDir: string,
  port: number,
  consolePort: number,
): [command: string, args: string[]] {
  if (found.kind === 'binary') {
    const addresses = ['--address', `127.0.0.1:${port}`, '--console-address'];
    return [found.path, ['server', dataDir, ...addresses, `127.0.0.1:${consolePort}`]];
  }
  // Names without values: the engine passes on what is in our environment, off the command line.
  const environment = ['MINIO_ROOT_USER', 'MINIO_ROOT_PASSWORD', 'MINIO_BROWSER', 'MINIO_UPDATE'];
  return [
    found.engine,
    [
      ...['run', '--rm', '--publish', `127.0.0.1:${port}:9000`, '--volume', `${dataDir}:/data`],
      ...environment.flatMap((name) => ['--env', name]),
      ...[found.image, 'server', '/data'],
    ],
  ];
}

/**
 * Waits until the server takes a request signed by the root pair, which says more than its health
 * check: that the pair is right, too.
 * @param ended says why there is nothing to wait for any more
 */
async function waitUntilReady(
  minio: Omit<Minio, 'stop'>,
  ended: () => string | undefined,
): Promise<void> {
  const deadline = Date.now() + START_MILLISECONDS;
  for (;;) {
    try {
      await rootClient(minio).listBuckets();
      return;
    } catch (cause) {
      const why = ended();
      if (why !== undefined) throw fail('probe_failed', `MinIO did not start: ${why}`);
      const { code, message } = cause as { code?: string; message: string };
      if (code === 'InvalidAccessKeyId' || code === 'SignatureDoesNotMatch') {
        throw fail('store_denied', `MinIO at ${minio.endpoint} refuses the root pair: ${code}`);
      }
      if (Date.now() > deadline) {
        throw fail('probe_failed', `MinIO at ${minio.endpoint} is not ready: ${message}`, {
          cause,
        });
      }
    }
    await sleep(100);
  }
}
