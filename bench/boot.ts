import { createPublicKey, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { deriveIdentity } from '../bundle/identity.ts';
import { ed25519Sign, ed25519VerifyRaw, randomBytes } from '../bundle/platform/node.ts';
import { createApp } from '../functions/app.ts';
import { signRequest } from '../protocol/request-signature.ts';
import { createS3Signer } from '../store/s3-signer.ts';
import { makeSite } from '../tests/support/site.ts';
import { interleave } from './measure.ts';
import { compare, ratioOf } from './result.ts';
import type { Suite } from './result.ts';

const NODES = 64;
const BARE = 'bare Ed25519 verification';
const WITH_KEY = 'the same, the key imported first';
const BOOT = 'coatcheck boot request';
const AIM = 0.5;

/**
 * What the server does for a node that boots: a signed request in, its signature checked, a
 * presigned URL out; in process, so that neither a socket nor a gateway is measured, nor what makes a
 * Request of what came through them. Compared with
 * the one thing that it cannot do without: OpenSSL's Ed25519 over a message of the same length, with
 * a key that was imported before. The row between tells what importing costs: the server sees each
 * key for the first time. Requests come from many nodes in turn.
 */
export async function bootSuite(): Promise<Suite> {
  const { site } = makeSite();
  const now = 1_800_000_000;
  const app = createApp({
    site,
    clock: () => now,
    download: {
      signer: createS3Signer({
        bucket: 'bench',
        region: 'eu-central-1',
        credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'a-secret-for-a-benchmark' },
      }),
      keysets: { read: () => Promise.resolve(undefined) },
    },
  });

  const requests = Array.from({ length: NODES }, () => {
    const identity = deriveIdentity(randomBytes(32));
    const url = new URL(`https://coatcheck.example/v1/nodes/${identity.id}/config`);
    const headers = signRequest({ method: 'GET', url, site: site.id, identity, created: now });
    return new Request(url, { headers });
  });
  const bare = Array.from({ length: NODES }, () => {
    const { signSecret, signKey } = deriveIdentity(randomBytes(32));
    const message = randomBytes(480); // about what RFC 9421 signs for such a request
    return {
      ...{ message, signKey },
      key: importKey(signKey),
      signature: ed25519Sign(signSecret, message),
    };
  });

  const boot = async (turn: number): Promise<void> => {
    const response = await app.fetch(requests[turn % NODES]!);
    if (response.status !== 200) throw new Error(`a boot got ${response.status}`);
  };
  const verifyBare = (turn: number): void => {
    const { key, message, signature } = bare[turn % NODES]!;
    if (!verify(null, message, key, signature)) throw new Error('a signature did not verify');
  };

  const verifyWithKey = (turn: number): void => {
    const { signKey, message, signature } = bare[turn % NODES]!;
    if (!ed25519VerifyRaw(signKey, message, signature)) throw new Error('it did not verify');
  };

  const rates = await interleave(
    { verifyBare, verifyWithKey, boot },
    { rounds: 15, millisecondsPerTurn: 250 },
  );
  const rows = compare(
    [
      { name: BARE, value: rates.verifyBare },
      { name: WITH_KEY, value: rates.verifyWithKey },
      { name: BOOT, value: rates.boot },
    ],
    BARE,
  );
  return {
    title: 'A boot, in process',
    unit: 'per CPU second',
    baseline: BARE,
    rows,
    aims: [{ text: `at least ${AIM} of the bare verification`, met: ratioOf(rows, BOOT)! >= AIM }],
  };
}

function importKey(signKey: Uint8Array): KeyObject {
  const x = Buffer.from(signKey).toString('base64url');
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
}
