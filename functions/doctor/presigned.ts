import { createHash } from 'node:crypto';
import { utf8 } from '../../bundle/bytes.ts';
import { hasCode } from '../../protocol/errors.ts';
import type { ObjectKey } from '../../protocol/keys.ts';
import { getObject, putObject } from '../../protocol/objects.ts';
import type { PresignedPut, UrlSigner } from '../../store/port.ts';
import { EMPTY_KEYS, freshKey, LASTING, reason, remove, send, TIMEOUT_SECONDS } from './probe.ts';
import type { Finding, Lab } from './probe.ts';

const BODY = utf8('coatcheck doctor: exactly these bytes');
const OTHER_BODY = BODY.toReversed();

const sha256 = (bytes: Uint8Array): Uint8Array =>
  Uint8Array.from(createHash('sha256').update(bytes).digest());

/** What a client without credentials can do with a presigned URL: what it was signed for. */
export async function probePresigned(lab: Lab): Promise<Finding[]> {
  const findings = [await asSigned(lab)];
  for (const misuse of MISUSES) findings.push(await refused(lab, misuse));
  findings.push(await otherMethod(lab), await missingKey(lab));
  return findings;
}

function signedPut(signer: UrlSigner, key: ObjectKey): Promise<PresignedPut> {
  const put = { size: BODY.length, sha256: sha256(BODY), expiresInSeconds: 60 };
  return signer.signPut(key, put);
}

async function asSigned(lab: Lab): Promise<Finding> {
  const probe = 'a presigned PUT works once';
  const key = freshKey();
  const options = { timeoutSeconds: TIMEOUT_SECONDS, fetch: lab.fetch };
  try {
    const presigned = await signedPut(lab.signers.upload, key);
    await putObject(presigned, BODY, options);
    await putObject(presigned, BODY, options);
    return {
      probe,
      status: 'fail',
      found: 'a second PUT overwrote the first',
      advice: 'this store ignores If-None-Match on presigned PUTs: use another store',
    };
  } catch (error) {
    if (hasCode(error, 'already_exists')) return { probe, status: 'ok', found: 'once' };
    return {
      probe,
      status: 'fail',
      found: reason(error),
      advice:
        'can this machine reach the public endpoint, and may the upload credential put pending/*?',
    };
  } finally {
    await remove(lab, key);
  }
}

/** A presigned PUT that is sent otherwise than it was signed, and must be refused. */
interface Misuse {
  readonly probe: string;
  readonly body?: Uint8Array;
  readonly change?: (headers: Headers, url: URL, lab: Lab) => void;
  /** Signed when it had expired by now. */
  readonly late?: true;
  readonly advice: string;
}

const PINNED =
  'this store does not check what a presigned URL pins: use another store (docs/stores.md)';

const MISUSES: readonly Misuse[] = [
  {
    probe: 'a presigned PUT refuses another body',
    body: OTHER_BODY,
    advice: PINNED,
  },
  {
    probe: 'a presigned PUT refuses another body whose checksum fits it',
    body: OTHER_BODY,
    change: (headers) => {
      const checksum = Buffer.from(sha256(OTHER_BODY)).toString('base64');
      headers.set('x-amz-checksum-sha256', checksum);
    },
    advice: PINNED,
  },
  {
    probe: 'a presigned PUT refuses another length',
    body: utf8('coatcheck doctor: exactly these bytes, and more'),
    advice: PINNED,
  },
  {
    probe: 'a presigned PUT refuses a missing If-None-Match',
    change: (headers) => {
      headers.delete('if-none-match');
    },
    advice: PINNED,
  },
  {
    probe: 'a presigned PUT refuses another key',
    change: (_, url) => {
      url.pathname = otherKey(url.pathname);
    },
    advice: PINNED,
  },
  {
    probe: 'a presigned PUT refuses once it has expired',
    late: true,
    advice: PINNED,
  },
  {
    probe: 'a presigned PUT with x-amz-copy-source copies nothing that its signer must not read',
    change: (headers, _, lab) => {
      headers.set('x-amz-copy-source', `/${lab.bucket}/${LASTING}`);
    },
    advice:
      'this store honours an unsigned x-amz-copy-source: take from the upload credential every right to get but keysets/*',
  },
];

/** The key of another proposal of the same node, or a path that ends in one. */
const otherKey = <T extends string>(key: T): T =>
  key.replace(/[0-9a-f]{64}$/, (digest) =>
    digest.replace(/./g, (d) => (d === '0' ? '1' : '0')),
  ) as T;

async function refused(lab: Lab, misuse: Misuse): Promise<Finding> {
  const { probe, advice } = misuse;
  const key = freshKey();
  const keys = [key, otherKey(key)];
  try {
    const { upload } = misuse.late ? lab.lateSigners : lab.signers;
    const presigned = await signedPut(upload, key);
    const headers = new Headers(presigned.headers);
    const url = new URL(presigned.url);
    misuse.change?.(headers, url, lab);
    const answer = await send(lab, 'PUT', url, headers, misuse.body ?? BODY);
    const stored = await Promise.all(keys.map((used) => lab.stores.admin.head(used)));
    if (answer.ok || stored.some((object) => object !== undefined)) {
      return { probe, status: 'fail', found: `${answer.status}: it was stored`, advice };
    }
    return { probe, status: 'ok', found: `refused (${answer.status})` };
  } catch (error) {
    return { probe, status: 'fail', found: reason(error), advice: 'the probe could not be made' };
  } finally {
    for (const used of keys) await remove(lab, used);
  }
}

async function otherMethod(lab: Lab): Promise<Finding> {
  const probe = 'a presigned GET refuses to delete';
  const key = freshKey();
  try {
    await lab.stores.upload.create(key, BODY);
    // The one credential that may delete, of a key that it may.
    const { url } = await lab.signers.admin.signGet(key, { expiresInSeconds: 60 });
    const { status } = await send(lab, 'DELETE', new URL(url), new Headers());
    if ((await lab.stores.admin.head(key)) !== undefined) {
      return { probe, status: 'ok', found: `refused (${status})` };
    }
    return { probe, status: 'fail', found: `${status}: it was deleted`, advice: PINNED };
  } catch (error) {
    return { probe, status: 'fail', found: reason(error), advice: 'the probe could not be made' };
  } finally {
    await remove(lab, key);
  }
}

async function missingKey(lab: Lab): Promise<Finding> {
  const probe = 'a presigned GET of a missing object says NoSuchKey';
  const advice =
    'nodes could not tell "no configuration" from a failure: let the download credential list the bucket';
  try {
    const { url } = await lab.signers.download.signGet(EMPTY_KEYS.approved, {
      expiresInSeconds: 60,
    });
    const answer = await getObject(url, {
      maxBytes: 1024,
      timeoutSeconds: TIMEOUT_SECONDS,
      fetch: lab.fetch,
    });
    if (!answer.found) return { probe, status: 'ok', found: '404 NoSuchKey' };
    return {
      probe,
      status: 'fail',
      found: `there is something at ${EMPTY_KEYS.approved}`,
      advice: 'somebody wrote it with a credential that must not: remove it with a root key',
    };
  } catch (error) {
    return { probe, status: 'fail', found: reason(error), advice };
  }
}
