import { join } from 'node:path';
import { toHex } from '../../../bundle/bytes.ts';
import { sha256 } from '../../../bundle/platform/node.ts';
import { writeCredentials } from '../../../functions/stores/credentials.ts';
import { ensureBucket } from '../../../local-minio/bucket.ts';
import { takeCredentials } from '../../../local-minio/credentials.ts';
import { findMinio } from '../../../local-minio/find.ts';
import { startMinio } from '../../../local-minio/start.ts';
import { approvedKey } from '../../../protocol/keys.ts';
import type { ObjectStore, UrlSigner } from '../../../store/port.ts';
import { createS3Signer } from '../../../store/s3-signer.ts';
import { createS3Store } from '../../../store/s3.ts';
import type { FleetNode } from '../fleet.ts';
import type { Visitor } from '../generator.ts';
import type { Launched } from '../launch.ts';

/** A MinIO of our own, with one bucket. */
export interface MinioServer extends Launched {
  /** With every right. */
  readonly store: ObjectStore;
  /** On the download credential. */
  readonly signer: UrlSigner;
  /** For `coatcheck serve`. */
  readonly storeArguments: readonly string[];
}

const BUCKET = 'bench';
const SESSION_SECONDS = 3600;

/** @throws Error where there is none, or only one whose process is not ours to measure */
export async function startMinioServer(folder: string): Promise<MinioServer> {
  const found = await findMinio();
  if (found?.kind !== 'binary') {
    throw new Error('no MinIO program: `npm run minio -- --install` builds one');
  }
  const minio = await startMinio(found, join(folder, 'minio'));
  const { endpoint, rootUser, rootPassword, pid } = minio;
  const stop = (): Promise<void> => minio.stop();
  try {
    await ensureBucket(minio, BUCKET);
    const credentials = await takeCredentials(minio, BUCKET, SESSION_SECONDS);
    const credentialsFile = join(folder, 'credentials.json');
    await writeCredentials(credentialsFile, credentials);
    const place = { bucket: BUCKET, region: 'us-east-1', endpoint };
    const root = { accessKeyId: rootUser, secretAccessKey: rootPassword };
    return {
      pid: pid!,
      stop,
      store: createS3Store({ ...place, credentials: root }),
      signer: createS3Signer({ ...place, credentials: credentials.download }),
      storeArguments: [
        ...['--store', `s3://${BUCKET}`, '--endpoint', endpoint],
        ...['--credentials', credentialsFile],
      ],
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Half of a boot: the GET alone, its URL signed beforehand. */
export async function presignedGets(
  signer: UrlSigner,
  fleet: readonly FleetNode[],
): Promise<Visitor[]> {
  return Promise.all(
    fleet.map(async ({ identity, entry }): Promise<Visitor> => {
      const { url } = await signer.signGet(approvedKey(identity.id), { expiresInSeconds: 900 });
      return {
        requests: [{ method: 'GET', url, status: 200, sha256: toHex(sha256(entry)) }],
      };
    }),
  );
}
