import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fileOf, manifestOf } from '../tests/fixtures/format.ts';
import { CoatcheckError } from './errors.ts';
import { decodeManifest, encodeManifest } from './manifest.ts';
import type { FileEntry } from './manifest.ts';

const hasCode = (code: string): object => expect.objectContaining({ code }) as object;
const part = fc.stringMatching(/^[!-.0-~]{1,8}$/).filter((s) => s !== '.' && s !== '..');
const name = fc.stringMatching(/^[a-z_][a-z0-9_.-]{0,10}$/);
const number = fc.integer({ min: 0, max: 0xffff_fffe });
const file: fc.Arbitrary<FileEntry> = fc.record({
  // A folder name that no file has keeps files from being folders.
  path: fc.tuple(fc.constantFrom('etc', 'a-b', 'a'), part).map(([a, b]) => `${a}/d/${b}`),
  mode: fc.integer({ min: 0, max: 0o777 }),
  ...{ owner: name, uid: number, group: name, gid: number },
  content: fc.uint8Array({ maxLength: 50 }),
});
const files = fc.uniqueArray(file, { selector: ({ path }) => path, maxLength: 8 });
const unit = fc.stringMatching(/^[a-z]{1,6}\.(service|timer)$/);
const metadata = fc.record(
  {
    hostname: fc.constantFrom('a', 'lab1.example.org'),
    madeAt: fc.integer({ min: 0, max: 253_402_300_799 }),
    swap: fc.constantFrom('none', 'zram', 'disk:/dev/vda2'),
    enable: fc.uniqueArray(unit, { minLength: 1 }).map((units) => units.sort()),
    restart: fc.dictionary(part, fc.constant(['a.service']), { minKeys: 1, noNullPrototype: true }),
    answers: fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), fc.constantFrom('', 'é x'), {
      minKeys: 1,
    }),
  },
  { requiredKeys: [] },
);

describe('a manifest', () => {
  it('comes back as it was, files sorted', () => {
    fc.assert(
      fc.property(files, metadata, (someFiles, someMetadata) => {
        const manifest = manifestOf({ files: someFiles, metadata: someMetadata });
        const decoded = decodeManifest(encodeManifest(manifest));
        expect(decoded).toEqual({
          ...manifest,
          files: someFiles.toSorted((a, b) => (a.path < b.path ? -1 : 1)),
        });
      }),
    );
  });

  it('has one encoding, whatever the order of files, units and names', () => {
    const a = fileOf('etc/a', 'a');
    const b = fileOf('etc/b', 'b');
    const one = manifestOf({
      files: [a, b],
      metadata: { enable: ['a.service', 'b.timer'], answers: { x: '1', y: '2' }, mask: [] },
    });
    const other = manifestOf({
      files: [b, a],
      metadata: { answers: { y: '2', x: '1' }, enable: ['b.timer', 'a.service', 'b.timer'] },
    });
    expect(encodeManifest(other)).toEqual(encodeManifest(one));
  });

  it('decodes from no other bytes than it encodes to', () => {
    const good = encodeManifest(manifestOf());
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), (at, byte) => {
        const changed = good.slice();
        changed[at] = byte;
        try {
          expect(encodeManifest(decodeManifest(changed))).toEqual(changed);
        } catch (error) {
          expect(error).toBeInstanceOf(CoatcheckError);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('names a hostile field in printable ASCII only', () => {
    const hostile = { '\u202e\x1b[2Jcolor': 'blue' } as never;
    expect(() => encodeManifest(manifestOf({ metadata: hostile }))).toThrow(/^[ -~]+u202e[ -~]+$/);
  });

  it('finds no answer that is not there', () => {
    const { metadata: decoded } = decodeManifest(
      encodeManifest(manifestOf({ metadata: { answers: { a: '' }, restart: { a: ['a.path'] } } })),
    );
    expect('constructor' in decoded.answers!).toBe(false);
    expect('toString' in decoded.restart!).toBe(false);
  });

  it.each([
    ['bad_path', manifestOf({ files: [fileOf('/etc/hosts')] })],
    ['bad_mode', manifestOf({ files: [fileOf('a', '', { mode: 0o4755 })] })],
    ['bad_mode', manifestOf({ files: [fileOf('a', '', { mode: 0.5 })] })],
    ['bad_owner', manifestOf({ files: [fileOf('a', '', { owner: '' })] })],
    ['bad_owner', manifestOf({ files: [fileOf('a', '', { gid: -1 })] })],
    ['duplicate', manifestOf({ files: [fileOf('a'), fileOf('a')] })],
    [
      'too_many_files',
      manifestOf({ files: Array.from({ length: 1025 }, (_, i) => fileOf(`f${i}`)) }),
    ],
    ['manifest_too_large', manifestOf({ files: [fileOf('a', 'x'.repeat(2 ** 20))] })],
    ['bad_metadata', manifestOf({ metadata: { hostname: 'a\nb' } })],
    ['bad_metadata', manifestOf({ metadata: { madeAt: 1.5 } })],
    ['bad_metadata', manifestOf({ metadata: { answers: { a: '\ud800' } } })],
    ['bad_metadata', manifestOf({ metadata: { color: 'blue' } as never })],
    ['bad_field', manifestOf({ base: new Uint8Array(31) })],
  ])('is not encoded where it would be refused: %s', (code, manifest) => {
    expect(() => encodeManifest(manifest)).toThrow(hasCode(code));
  });
});
