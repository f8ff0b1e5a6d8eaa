import { fail } from '../protocol/errors.ts';
import { cachedProgram, findContainer, findGo, findMinio, HOW_TO_GET_MINIO } from './find.ts';
import type { FoundMinio } from './find.ts';
import { goInstall } from './go-install.ts';
import type { Say } from './go-install.ts';

/** The last community source: its repository is archived. */
const MINIO = {
  title: 'MinIO',
  module: 'github.com/minio/minio@latest',
  takes: 'five minutes',
} as const;

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
  const path = cachedProgram('minio');
  await goInstall(go, MINIO, path, say);
  return path;
}
