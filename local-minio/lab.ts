import { join } from 'node:path';
import * as v from 'valibot';
import { utf8 } from '../bundle/index.ts';
import { readLocalFile } from '../files/read.ts';
import { textIn } from '../files/text.ts';
import { createFile, exists, makeFolder } from '../files/write.ts';
import { fail } from '../protocol/errors.ts';
import { ensureBucket } from './bucket.ts';
import type { Say } from './go-install.ts';
import type { FoundMinio } from './find.ts';
import { keepCredentials } from './renewal.ts';
import { randomRootPair, startMinio } from './start.ts';
import type { Minio, RootPair } from './minio.ts';

/** The name of the bucket of a lab. */
const LAB_BUCKET = 'coatcheck';
const SESSION_SECONDS = 24 * 3600;

/** A MinIO whose data stays in a folder, with the bucket of one site and its credentials. */
export interface MinioLab {
  readonly minio: Minio;
  readonly bucket: string;
  /** What `coatcheck serve --credentials` reads; renewed while the lab runs. */
  readonly credentialsFile: string;
  stop(): Promise<void>;
}

/** @param folder made if it is missing; it keeps the data and the root pair of the MinIO */
export async function startMinioLab(
  found: FoundMinio,
  folder: string,
  say: Say,
): Promise<MinioLab> {
  await makeFolder(folder);
  const root = await rootPair(join(folder, 'minio-root.json'));
  const minio = await startMinio(found, join(folder, 'minio'), root);
  try {
    await ensureBucket(minio, LAB_BUCKET);
    const credentialsFile = join(folder, 'credentials.json');
    const kept = await keepCredentials(minio, {
      ...{ bucket: LAB_BUCKET, path: credentialsFile, say },
      durationSeconds: SESSION_SECONDS,
    });
    const stop = async (): Promise<void> => {
      kept.stop();
      await minio.stop();
    };
    return { minio, bucket: LAB_BUCKET, credentialsFile, stop };
  } catch (error) {
    await minio.stop();
    throw error;
  }
}

/** A MinIO encrypts its settings with the root pair: the folder keeps both. */
const RootFile = v.strictObject({ rootUser: v.string(), rootPassword: v.string() });

async function rootPair(path: string): Promise<RootPair> {
  if (!(await exists(path))) {
    const made = randomRootPair();
    await createFile(path, utf8(`${JSON.stringify(made, undefined, 2)}\n`), 0o600);
    return made;
  }
  try {
    const bytes = await readLocalFile(path, { maxBytes: 1024, secret: true });
    return v.parse(RootFile, JSON.parse(textIn(bytes, path)));
  } catch (cause) {
    throw fail('file_malformed', `${path} does not hold the root pair of the MinIO beside it`, {
      cause,
    });
  }
}
