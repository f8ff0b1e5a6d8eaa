import { sha256 } from '#platform';
import { toBase64 } from '../bundle/bytes.ts';
import { quote } from '../bundle/errors.ts';
import { fail } from './errors.ts';

/**
 * The headers of an upload, all signed: the client sends these, `host`, and no others. The type is
 * pinned so that nobody can have a page served from the bucket's origin. Ceph RGW heeds the
 * checksum only with the algorithm beside it.
 * @param put.sha256 32 bytes
 * @param put.overwrite leaves out `If-None-Match: *`
 */
export function pinnedPutHeaders(put: {
  size: number;
  sha256: Uint8Array;
  overwrite?: boolean;
}): Record<string, string> {
  return {
    'content-length': String(put.size),
    'content-type': 'application/octet-stream',
    ...(put.overwrite ? {} : { 'if-none-match': '*' }),
    'x-amz-checksum-sha256': toBase64(put.sha256),
    'x-amz-sdk-checksum-algorithm': 'SHA256',
  };
}

/**
 * The headers to send with `body`, made here, where a server's answer names exactly these: what it
 * says is never sent, or a lying one would have a machine send a credential, or ask a cloud's metadata.
 * @throws answer_refused, naming the first one that is another
 */
export function ownPutHeaders(
  said: Readonly<Record<string, string>>,
  body: Uint8Array,
  overwrite: boolean,
): Record<string, string> {
  const own = pinnedPutHeaders({ size: body.length, sha256: sha256(body), overwrite });
  for (const name of new Set([...Object.keys(own), ...Object.keys(said)])) {
    if (Object.hasOwn(own, name) && said[name] === own[name]) continue;
    const what = Object.hasOwn(own, name)
      ? `names another ${name} than the upload has`
      : `wants a header sent that no upload has: ${quote(name)}`;
    throw fail('answer_refused', `the server's answer ${what}: nothing is sent`);
  }
  return own;
}
