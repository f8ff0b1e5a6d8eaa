import { randomBytes } from 'node:crypto';
import { CREDENTIALS } from '../../protocol/permissions.ts';
import type { Credential } from '../../protocol/permissions.ts';
import { openFilesystemStore } from '../../store/filesystem.ts';
import { guardStore } from '../../store/guard.ts';
import { createLocalHandler, createLocalSigner } from '../../store/local-urls.ts';
import { createS3Signer } from '../../store/s3-signer.ts';
import type { S3Options } from '../../store/s3-options.ts';
import { credentialProviders, readCredentials } from '../credentials.ts';
import type { StorePlace } from '../../functions/serve/store-options.ts';
import { anHourAgo } from '../../functions/doctor/probe.ts';
import type { Lab } from '../../functions/doctor/probe.ts';

const BASE_URL = 'http://doctor.invalid';

/** The store as the server would use it. @throws what opening the store throws */
export async function openLab(place: StorePlace): Promise<Lab> {
  return place.kind === 's3' ? openS3(place) : openFilesystem(place.folder);
}

function each<T>(make: (credential: Credential) => T): Record<Credential, T> {
  return Object.fromEntries(CREDENTIALS.map((name) => [name, make(name)])) as Record<Credential, T>;
}

/** Presigned URLs go to a handler in this process: the same that the server has. */
async function openFilesystem(folder: string): Promise<Lab> {
  const store = await openFilesystemStore(folder, { create: false });
  const secrets = each(() => Uint8Array.from(randomBytes(32)));
  const handle = createLocalHandler({ store, secrets });
  const signersAt = (clock: { now?: () => number }): Lab['signers'] =>
    each((credential) =>
      createLocalSigner({ baseUrl: BASE_URL, credential, secret: secrets[credential], ...clock }),
    );
  return {
    stores: each((credential) => guardStore(store, credential)),
    signers: signersAt({}),
    lateSigners: signersAt({ now: anHourAgo }),
    bucket: 'objects',
    fetch: (url, init) => handle(requestOf(url, init)),
  };
}

/** As it comes out of a socket: with the length of its body. */
function requestOf(url: string, init: RequestInit = {}): Request {
  const headers = new Headers(init.headers);
  if (init.body instanceof Uint8Array) headers.set('content-length', String(init.body.length));
  return new Request(url, { ...init, headers });
}

async function openS3(place: StorePlace & { kind: 's3' }): Promise<Lab> {
  await readCredentials(place.credentialsFile);
  const { createS3Store } = await import('../../store/s3.ts');
  const providers = credentialProviders(place.credentialsFile);
  const { bucket, region, endpoint, publicEndpoint } = place;
  const optionsOf = (name: Credential): S3Options => ({
    ...{ bucket, region, credentials: providers[name] },
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(publicEndpoint === undefined ? {} : { publicEndpoint }),
  });
  return {
    stores: each((name) => createS3Store(optionsOf(name))),
    signers: each((name) => createS3Signer(optionsOf(name))),
    lateSigners: each((name) => createS3Signer({ ...optionsOf(name), now: anHourAgo })),
    bucket,
    fetch: (url, init) => fetch(url, init),
  };
}
