import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { concat, utf8 } from '../../../bundle/bytes.ts';
import { inflateExactly } from '../../../bundle/inflate.ts';
import { longCodes } from '../../fixtures/deflate.ts';
import type { Target } from '../engine/target.ts';
import { demand, sameBytes, verdict } from '../engine/verdict.ts';

const NONE = new Uint8Array();
const dictionary = utf8('nameserver 10.0.0.1\nsearch example.org\n');
const MOST = 4096;

/** What zlib makes of a stream, and how many bytes of it; undefined where it refuses. */
function zlibInflate(
  input: Uint8Array,
  preset: Uint8Array,
): { plain: Uint8Array; used: number } | undefined {
  try {
    const { buffer, engine } = inflateRawSync(input, {
      ...(preset.length > 0 && { dictionary: preset }),
      chunkSize: MOST,
      maxOutputLength: MOST,
      info: true,
    }) as unknown as { buffer: Buffer; engine: { bytesWritten: number } };
    return { plain: buffer, used: engine.bytesWritten };
  } catch {
    return undefined;
  }
}

const samples = ['', 'a', 'nameserver 10.0.0.1\n', 'etc/hostname\netc/hosts\n'.repeat(9)].map(utf8);

/**
 * The verdict of zlib on every stream, and its output; and no other length than that of the output.
 * The first byte says whether there is a dictionary.
 */
export const target: Target = {
  run(input) {
    const preset = ((input[0] ?? 0) & 1) === 1 ? dictionary : NONE;
    const stream = input.subarray(1);
    const inflate = (bytes: Uint8Array, length: number): string =>
      verdict(() => `ok ${inflateExactly(bytes, length, preset).length}`);
    const expected = zlibInflate(stream, preset);
    if (expected === undefined) {
      const code = inflate(stream, MOST);
      demand(!code.startsWith('ok'), 'zlib refuses this stream');
      return code;
    }
    const { plain, used } = expected;
    const { length } = plain;
    if (used < stream.length) {
      demand(inflate(stream, length) === 'trailing_bytes', 'bytes after the end were taken');
    }
    const whole = stream.subarray(0, used);
    sameBytes(inflateExactly(whole, length, preset), plain, 'inflated bytes');
    for (const wrong of [length + 1, ...(length > 0 ? [length - 1] : [])]) {
      demand(
        inflate(whole, wrong) === 'length_mismatch',
        `${length} bytes were taken for ${wrong}`,
      );
    }
    return `ok ${Math.min(length, 1)} ${used < stream.length}`;
  },
  seeds: [
    ...samples.flatMap((plain) =>
      [0, 1, 9].flatMap((level) => [
        concat(Uint8Array.of(0), deflateRawSync(plain, { level })),
        concat(Uint8Array.of(1), deflateRawSync(plain, { level, dictionary })),
      ]),
    ),
    // What is to be prepared for every block, and never used.
    ...[1, 30].map((blocks) => concat(Uint8Array.of(0), longCodes(blocks, '\0\x0e', NONE))),
  ],
  limits: { maxBytes: 1024, work: [5000, 500], allocated: [32_768, 512] },
};
