import { fromUtf8 } from '../bundle/bytes.ts';
import { fail } from '../protocol/errors.ts';

/**
 * The text of a file that a person may have written. The byte order mark that some editors put before
 * it (U+FEFF) is none of it.
 * @param path for the error
 * @throws file_malformed for UTF-16, which the same editors write, and for what is no UTF-8
 */
export function textIn(bytes: Uint8Array, path: string): string {
  const [first, second] = bytes;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) {
    throw fail('file_malformed', `${path} is UTF-16: save it as UTF-8`);
  }
  try {
    return fromUtf8(bytes).replace(/^\uFEFF/, '');
  } catch (cause) {
    throw fail('file_malformed', `${path} is not UTF-8`, { cause });
  }
}
