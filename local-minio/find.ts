import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { fail } from '../protocol/errors.ts';

/** A MinIO that runs, or a way to run one. */
export type FoundMinio =
  | { kind: 'endpoint'; endpoint: string; rootUser: string; rootPassword: string }
  | { kind: 'binary'; path: string }
  | { kind: 'container'; engine: string; image: string };

type Environment = Readonly<Record<string, string | undefined>>;

/** The last community release that was published as an image. */
const IMAGE = 'quay.io/minio/minio:RELEASE.2025-09-07T16-13-09Z';

/** Where a program that we build is kept: `$COATCHECK_CACHE/NAME/NAME`, default `.cache` here. */
export function cachedProgram(name: string, env: Environment = process.env): string {
  return resolve(env['COATCHECK_CACHE'] ?? '.cache', name, name);
}

/**
 * A MinIO that is at hand, at once: the endpoint that `COATCHECK_MINIO_ENDPOINT`, `_USER` and
 * `_PASSWORD` name, `minio` on the PATH, or the one in the cache.
 * @throws usage if an endpoint is given without its root pair
 */
export async function findMinio(env: Environment = process.env): Promise<FoundMinio | undefined> {
  const endpoint = env['COATCHECK_MINIO_ENDPOINT'];
  if (endpoint) {
    const rootUser = env['COATCHECK_MINIO_USER'];
    const rootPassword = env['COATCHECK_MINIO_PASSWORD'];
    if (!rootUser || !rootPassword) {
      throw fail(
        'usage',
        'COATCHECK_MINIO_ENDPOINT needs COATCHECK_MINIO_USER and COATCHECK_MINIO_PASSWORD beside it',
      );
    }
    return { kind: 'endpoint', endpoint, rootUser, rootPassword };
  }
  const path = await findProgram('minio', env);
  return path === undefined ? undefined : { kind: 'binary', path };
}

/** A program on the PATH, or one that we built into the cache. */
export function findProgram(
  name: string,
  env: Environment = process.env,
): Promise<string | undefined> {
  return firstExecutable([...onPath(name, env), cachedProgram(name, env)]);
}

/** A container engine that answers: `docker` or `podman`. */
export async function findContainer(
  env: Environment = process.env,
): Promise<FoundMinio | undefined> {
  for (const engine of ['docker', 'podman'].flatMap((name) => onPath(name, env))) {
    if (!(await isExecutable(engine))) continue;
    const answers = await promisify(execFile)(engine, ['info'], { timeout: 10_000 }).then(
      () => true,
      () => false,
    );
    if (answers) return { kind: 'container', engine, image: IMAGE };
  }
  return undefined;
}

/** The Go toolchain on the PATH, which can build a MinIO. */
export function findGo(env: Environment = process.env): Promise<string | undefined> {
  return firstExecutable(onPath('go', env));
}

/** What to do where there is no MinIO and no way to get one. */
export const HOW_TO_GET_MINIO = [
  'no MinIO found. Any of these will do:',
  '  - set COATCHECK_MINIO_ENDPOINT, COATCHECK_MINIO_USER and COATCHECK_MINIO_PASSWORD',
  '  - put a `minio` program on the PATH',
  '  - start Docker or Podman',
  '  - install Go (https://go.dev/dl), and run `npm run minio -- --install`, which builds one',
  'or use the filesystem store, which needs nothing: `npm run demo`',
].join('\n');

function onPath(name: string, env: Environment): string[] {
  return (env['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name));
}

async function firstExecutable(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) if (await isExecutable(path)) return path;
  return undefined;
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
