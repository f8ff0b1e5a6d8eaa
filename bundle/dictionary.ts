import { utf8 } from './bytes.ts';
import { DICTIONARY_1_TEXT } from './dictionary-1.ts';
import { bundleError } from './errors.ts';

const DICTIONARIES: readonly Uint8Array[] = [new Uint8Array(), utf8(DICTIONARY_1_TEXT)];

/**
 * What compression may refer back to before the first byte, by the id in a bundle's header: 0 is
 * none. A dictionary never changes once published.
 * @throws unknown_dictionary
 */
export function dictionary(id: number): Uint8Array {
  const bytes = DICTIONARIES[id];
  if (bytes === undefined) throw bundleError('unknown_dictionary', `dictionary ${id} is not known`);
  return bytes;
}
