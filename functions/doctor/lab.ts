import { createFetch } from '../../net/fetch.ts';
import { readBody } from '../../protocol/objects.ts';
import { forEachCredential } from '../stores/kind.ts';
import type { OpenedStore } from '../stores/kind.ts';
import { anHourAgo } from './probe.ts';
import type { Lab } from './probe.ts';

const BASE_URL = 'http://doctor.invalid';

/**
 * A store as doctor probes it: the same stores and signers that the server would have.
 *
 * @param ca that of the site, PEM: who alone vouches for a store over TLS to its nodes
 */
export function labOf({ access, objects, bucket, probe }: OpenedStore, ca?: string): Lab {
  const now = access({ baseUrl: BASE_URL });
  const handle = objects?.({});
  const ask = askerOf(ca);
  const late = access({ baseUrl: BASE_URL, now: anHourAgo });
  return {
    stores: forEachCredential((name) => now[name].store),
    signers: forEachCredential((name) => now[name].signer),
    lateSigners: forEachCredential((name) => late[name].signer),
    bucket,
    fetch: (url, init) => (handle === undefined ? ask(url, init) : handle(requestOf(url, init))),
    ...(probe && { own: probe }),
  };
}

/** Whoever the site believes, and not the system, where it names somebody. */
function askerOf(ca: string | undefined): Lab['fetch'] {
  const asNodes = createFetch({ ca });
  return async (url, init) => {
    const answer = await asNodes(url, init);
    const body = await readBody(answer, MAX_ANSWER_BYTES);
    const named = ['content-type', 'date', 'etag'].flatMap((name) => {
      const value = answer.headers.get(name);
      return value === null ? [] : [[name, value] as [string, string]];
    });
    const { status } = answer;
    const text = status === 204 || status === 304 ? null : Uint8Array.from(body ?? []);
    return new Response(text, { status, headers: named });
  };
}

/** Of what a probe is answered; what is more is cut off. */
const MAX_ANSWER_BYTES = 1024 * 1024;

/** As it comes out of a socket: with the length of its body. */
function requestOf(url: string, init: RequestInit = {}): Request {
  const headers = new Headers(init.headers);
  if (init.body instanceof Uint8Array) headers.set('content-length', String(init.body.length));
  return new Request(url, { ...init, headers });
}
