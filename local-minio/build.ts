import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fail } from '../protocol/errors.ts';
import { cachedMinio, findContainer, findGo, findMinio, HOW_TO_GET_MINIO } from './find.ts';
import type { FoundMinio } from './find.ts';

/** The last community source: its repository is archived. */
const MODULE = 'github.com/minio/minio@latest';

/** A line for the person who waits. */
export type Say = (line: string) => void;

/**
 * A MinIO by whatever way there is, the quickest first: one that is at hand, a container, a build
 * by Go into the cache (about five minutes on two cores).
 * @throws probe_failed with the ways to get one
 */
export async function obtainMinio(say: Say): Promise<FoundMinio> {
  const found = (await findMinio()) ?? (await findContainer());
  if (found !== undefined) return found;
  return { kind: 'binary', path: await buildMinio(say) };
}

/** Builds a MinIO into the cache with `go install`, and gives its path. */
export async function buildMinio(say: Say): Promise<string> {
  const go = await findGo();
  if (go === undefined) throw fail('probe_failed', HOW_TO_GET_MINIO);
  const path = cachedMinio();
  const folder = dirname(path);
  // Go writes the file in place: half a build must not look like a MinIO.
  const staging = join(folder, 'building');
  await rm(staging, { recursive: true, force: true });
  await mkdir(staging, { recursive: true });
  const start = Date.now();
  const elapsed = (): string => `${Math.round((Date.now() - start) / 1000)} s`;
  say(`building MinIO (go install ${MODULE}): about five minutes, once; it is kept in ${folder}`);
  const progress = setInterval(() => say(`still building, ${elapsed()}`), 15_000);
  try {
    await goInstall(go, staging);
    await rename(join(staging, 'minio'), path);
  } finally {
    clearInterval(progress);
    await rm(staging, { recursive: true, force: true });
  }
  say(`built ${path} in ${elapsed()}`);
  return path;
}

async function goInstall(go: string, folder: string): Promise<void> {
  const child = spawn(go, ['install', MODULE], {
    env: { ...process.env, GOBIN: folder },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-1000);
  });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) {
    throw fail('probe_failed', `go install ${MODULE} failed: ${said.trim() || `exit ${code!}`}`);
  }
}
