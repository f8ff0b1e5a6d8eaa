import * as v from 'valibot';
import { fromBase64Url, fromHex, toBase64Url, toHex } from '../bundle/bytes.ts';
import { fail } from './errors.ts';
import { MAX_GENERATION } from './measured.ts';
import type { ImageClaim, Use } from './measured.ts';

/** What the keys of a site signed about one image, where a firmware starts it that holds some lists. */
export interface SignedPolicies {
  /** The name of the key, hex */
  readonly key: string;
  /** The policy that the registers are as they are then, 32 bytes */
  readonly registers: Uint8Array;
  /** 256 bytes each: for each use, and about the image */
  readonly signatures: Readonly<Record<Use | 'image', Uint8Array>>;
}

/** What an image brings along: the section `.pcrsig` of its file. */
export interface PolicyFile {
  readonly image: ImageClaim;
  readonly policies: readonly SignedPolicies[];
}

/** Limit on the text, bytes. */
export const MAX_POLICY_FILE_BYTES = 64 * 1024;

const signature = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9_-]{341}[AQgw]$/, 'is 256 bytes in base64url'),
  v.transform(fromBase64Url),
);
const File = v.strictObject({
  coatcheck: v.literal('policies/1'),
  image: v.strictObject({
    version: v.pipe(v.string(), v.regex(/^[ -~]{1,64}$/)),
    generation: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MAX_GENERATION)),
  }),
  policies: v.pipe(
    v.array(
      v.strictObject({
        key: v.pipe(v.string(), v.regex(/^000b[0-9a-f]{64}$/)),
        registers: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/), v.transform(fromHex)),
        signatures: v.strictObject({
          key: signature,
          counter: signature,
          memory: signature,
          image: signature,
        }),
      }),
    ),
    v.minLength(1),
  ),
});

/** The text of {@link PolicyFile}. */
export function formatPolicies({ image, policies }: PolicyFile): string {
  const shown = policies.map(({ key, registers, signatures }) => ({
    ...{ key, registers: toHex(registers) },
    signatures: Object.fromEntries(
      Object.entries(signatures).map(([use, bytes]) => [use, toBase64Url(bytes)]),
    ),
  }));
  return `${JSON.stringify({ coatcheck: 'policies/1', image, policies: shown }, undefined, 1)}\n`;
}

/** @param path of it, for messages @throws file_malformed */
export function parsePolicies(text: string, path: string): PolicyFile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  const parsed = v.safeParse(File, value);
  if (parsed.success) return parsed.output;
  throw fail('file_malformed', `${path} is not what coatcheck image sign writes`);
}
