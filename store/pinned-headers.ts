import { toBase64 } from '../bundle/bytes.ts';

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
