import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { findMinio } from '../../local-minio/find.ts';
import { startMinio } from '../../local-minio/start.ts';

/** A running MinIO for the whole run, or why there is none. */
export type MinioForTests =
  { endpoint: string; rootUser: string; rootPassword: string } | { missing: string };

declare module 'vitest' {
  interface ProvidedContext {
    minio: MinioForTests;
  }
}

/** Starts one MinIO, with its data in a temporary folder, if one is at hand. Builds nothing. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const found = await findMinio();
  if (found === undefined) {
    project.provide('minio', { missing: 'none found; `npm run minio -- --install` builds one' });
    return () => Promise.resolve();
  }
  const dataDir = await mkdtemp(join(tmpdir(), 'coatcheck-minio-'));
  const minio = await startMinio(found, dataDir);
  const { endpoint, rootUser, rootPassword } = minio;
  project.provide('minio', { endpoint, rootUser, rootPassword });
  return async () => {
    await minio.stop();
    await rm(dataDir, { recursive: true, force: true });
  };
}
