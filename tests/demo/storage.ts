import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { writeCredentials } from '../../functions/stores/credentials.ts';
import { ensureBucket, rootClient } from '../../local-minio/bucket.ts';
import { obtainMinio } from '../../local-minio/build.ts';
import { takeCredentials } from '../../local-minio/credentials.ts';
import { startMinio } from '../../local-minio/start.ts';
import type { Minio } from '../../local-minio/minio.ts';
import { createFilesystemStore } from '../../store/filesystem.ts';
import type { ObjectStore } from '../../store/port.ts';
import { createS3Store } from '../../store/s3.ts';

export const STORAGE_KINDS = ['filesystem', 'minio'] as const;
export type StorageKind = (typeof STORAGE_KINDS)[number];

/** Where the demo keeps its objects. */
export interface Storage {
  /** for `serve` and `doctor` */
  readonly args: readonly string[];
  /** with every right: what an attacker has who took over the bucket */
  readonly store: ObjectStore;
  close(): Promise<void>;
}

const SESSION_SECONDS = 3600;

export async function openStorage(
  kind: StorageKind,
  folder: string,
  home: string,
): Promise<Storage> {
  if (kind === 'filesystem') {
    const store = createFilesystemStore(join(home, 'store'));
    return { args: [], store, close: () => Promise.resolve() };
  }
  const found = await obtainMinio((line) => console.error(line));
  const minio = await startMinio(found, join(folder, 'minio'));
  try {
    const bucket = `coatcheck-demo-${randomBytes(4).toString('hex')}`;
    await ensureBucket(minio, bucket);
    const credentialsFile = join(folder, 'credentials.json');
    await writeCredentials(credentialsFile, await takeCredentials(minio, bucket, SESSION_SECONDS));
    const { endpoint, rootUser, rootPassword } = minio;
    return {
      args: ['--store', `s3://${bucket}`, '--endpoint', endpoint, '--credentials', credentialsFile],
      store: createS3Store({
        ...{ bucket, region: 'us-east-1', endpoint },
        credentials: { accessKeyId: rootUser, secretAccessKey: rootPassword },
      }),
      close: async () => {
        // Somebody else's server keeps nothing of ours; our own goes with the folder.
        if (found.kind === 'endpoint') await removeBucket(minio, bucket);
        await minio.stop();
      },
    };
  } catch (error) {
    await minio.stop();
    throw error;
  }
}

async function removeBucket(minio: Minio, bucket: string): Promise<void> {
  const client = rootClient(minio);
  const versions: { name: string; versionId: string }[] = [];
  for await (const item of client.listObjects(bucket, '', true, { IncludeVersion: true })) {
    const { name, versionId } = item as { name: string; versionId: string };
    versions.push({ name, versionId });
  }
  await client.removeObjects(bucket, versions);
  await client.removeBucket(bucket);
}
