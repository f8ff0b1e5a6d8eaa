import { Client } from 'minio';
import type { Minio } from './minio.ts';

/** The `minio` client, as the root of a server. */
export function rootClient(minio: Omit<Minio, 'stop'>): Client {
  const { hostname, port, protocol } = new URL(minio.endpoint);
  const useSSL = protocol === 'https:';
  return new Client({
    endPoint: hostname,
    port: port === '' ? (useSSL ? 443 : 80) : Number(port),
    useSSL,
    accessKey: minio.rootUser,
    secretKey: minio.rootPassword,
  });
}

/** Makes a bucket, with versioning on as a safety net, unless it is there. */
export async function ensureBucket(minio: Omit<Minio, 'stop'>, bucket: string): Promise<void> {
  const client = rootClient(minio);
  if (!(await client.bucketExists(bucket))) await client.makeBucket(bucket);
  await client.setBucketVersioning(bucket, { Status: 'Enabled' });
}
