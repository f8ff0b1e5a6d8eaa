import { utf8 } from '../../bundle/bytes.ts';
import type { ObjectKey } from '../../protocol/keys.ts';
import { freshKey, LASTING, reason, remove, send } from './probe.ts';
import type { Finding, Lab } from './probe.ts';

const BODY = utf8('coatcheck doctor: nobody signed this');

/** What somebody can do who has no signature: nothing. */
export async function probeUnsigned(lab: Lab): Promise<Finding[]> {
  return [await anonymous(lab), await unsignedTrailer(lab)];
}

/** Where an object is, as the holder of a presigned URL sees it. */
async function urlOf(lab: Lab, key: ObjectKey): Promise<URL> {
  const { url } = await lab.signers.upload.signGet(key, { expiresInSeconds: 60 });
  return new URL(url);
}

async function anonymous(lab: Lab): Promise<Finding> {
  const probe = 'nobody reads, writes or lists without a signature';
  const key = freshKey();
  try {
    const [there, fresh] = [await urlOf(lab, LASTING), await urlOf(lab, key)];
    const bucket = new URL(there);
    bucket.pathname = there.pathname.slice(0, -LASTING.length);
    for (const url of [there, fresh, bucket]) url.search = '';
    const could = Object.entries({
      read: await send(lab, 'GET', there),
      write: await send(lab, 'PUT', fresh, new Headers(), BODY),
      list: await send(lab, 'GET', bucket),
    }).flatMap(([what, { ok }]) => (ok ? [what] : []));
    if (could.length === 0) return { probe, status: 'ok', found: 'refused' };
    return {
      probe,
      status: 'fail',
      found: `anybody can ${could.join(', ')}`,
      advice: 'the bucket is public: take the right of everybody out of its policy',
    };
  } catch (error) {
    return { probe, status: 'fail', found: reason(error), advice: 'the probe could not be made' };
  } finally {
    await remove(lab, key);
  }
}

/**
 * Archived MinIOs let in an upload "with an unsigned trailer" on the key id in its query alone
 * (docs/adr/0023).
 */
async function unsignedTrailer(lab: Lab): Promise<Finding> {
  const probe = 'who has seen a presigned URL writes nothing that it was not signed for';
  const key = freshKey();
  try {
    const url = await urlOf(lab, key);
    url.searchParams.delete('X-Amz-Signature');
    const headers = new Headers({
      'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
      'x-amz-decoded-content-length': String(BODY.length),
    });
    const chunks = `${BODY.length.toString(16)}\r\n${Buffer.from(BODY).toString()}\r\n0\r\n\r\n\r\n`;
    const { status } = await send(lab, 'PUT', url, headers, utf8(chunks));
    const isStored = (await lab.stores.admin.head(key)) !== undefined;
    if (!isStored) return { probe, status: 'ok', found: `refused (${status})` };
    return {
      probe,
      status: 'warn',
      found: 'the key id in a URL was enough to write, unsigned, what its credential may',
      advice:
        'a hole of archived MinIOs: keep such a store to labs, with TLS in front (docs/threat-model.md)',
    };
  } catch (error) {
    return { probe, status: 'fail', found: reason(error), advice: 'the probe could not be made' };
  } finally {
    await remove(lab, key);
  }
}
