import { forEachCredential } from '../stores/kind.ts';
import type { OpenedStore } from '../stores/kind.ts';
import { anHourAgo } from './probe.ts';
import type { Lab } from './probe.ts';

const BASE_URL = 'http://doctor.invalid';

/** A store as doctor probes it: the same stores and signers that the server would have. */
export function labOf({ access, objects, bucket }: OpenedStore): Lab {
  const now = access({ baseUrl: BASE_URL });
  const handle = objects?.({});
  const late = access({ baseUrl: BASE_URL, now: anHourAgo });
  return {
    stores: forEachCredential((name) => now[name].store),
    signers: forEachCredential((name) => now[name].signer),
    lateSigners: forEachCredential((name) => late[name].signer),
    bucket,
    fetch: (url, init) => (handle === undefined ? fetch(url, init) : handle(requestOf(url, init))),
  };
}

/** As it comes out of a socket: with the length of its body. */
function requestOf(url: string, init: RequestInit = {}): Request {
  const headers = new Headers(init.headers);
  if (init.body instanceof Uint8Array) headers.set('content-length', String(init.body.length));
  return new Request(url, { ...init, headers });
}
