import { sha256 } from '#platform';
import { toHex } from '../bundle/bytes.ts';
import { fail } from '../protocol/errors.ts';
import type { CoatcheckError } from '../bundle/errors.ts';

/** The ETag of the memory and filesystem stores: SHA-256 of the bytes, lower-case hex. */
export function contentEtag(body: Uint8Array): string {
  return toHex(sha256(body));
}

/** `too_large`: an object is over what was asked for. */
export function tooLarge(key: string, maxBytes: number): CoatcheckError {
  return fail('too_large', `the object at ${key} is larger than ${maxBytes} bytes`, {
    details: { key, maxBytes },
  });
}

/** `already_exists`: what was to be created is there. */
export function alreadyExists(key: string): CoatcheckError {
  return fail('already_exists', `there is an object at ${key} already`, { details: { key } });
}

/** `precondition_failed`: what was to be replaced is another by now, or gone. */
export function preconditionFailed(key: string): CoatcheckError {
  return fail('precondition_failed', `the object at ${key} is not the one that was read before`, {
    details: { key },
  });
}
