// @module-tag long
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { buildTargets } from './engine/build.ts';
import type { Planted } from './engine/build.ts';
import { runTarget } from './engine/run.ts';
import type { Run } from './engine/run.ts';

let scripts = '';
afterEach(() => rmSync(scripts, { recursive: true, force: true }));

/** Fuzzes a target that has nothing to start from but its own seeds. */
async function fuzz(target: string, runs: number, planted?: Planted): Promise<Run> {
  const name = `coatcheck-fuzz-planted-${process.pid}`;
  scripts = join(process.cwd(), 'node_modules/.cache', name);
  await buildTargets([target], scripts, planted);
  return runTarget(join(scripts, `${target}.mjs`), { runs, seed: 1, seeds: [] });
}

describe('the fuzzer', () => {
  it.each<[what: string, target: string, planted: Planted, says: RegExp]>([
    [
      'bytes after the end of a keyset',
      'keyset',
      { file: 'bundle/keyset-layout.ts', from: '  reader.end();\n', to: '' },
      /bytes written again are others/,
    ],
    [
      'bytes after a compressed stream',
      'inflate',
      { file: 'bundle/inflate.ts', from: 'bits.unreadBytes > 0', to: 'bits.unreadBytes > 1' },
      /bytes after the end were taken/,
    ],
    [
      'a number with leading zeros',
      'manifest',
      { file: 'bundle/manifest.ts', from: '/^(0|[1-9][0-9]{0,9})$/', to: '/^[0-9]{1,10}$/' },
      /bytes written again are others/,
    ],
    [
      'a table for every block',
      'inflate',
      { file: 'bundle/huffman.ts', from: 'LOOK_UP_BITS = 9', to: 'LOOK_UP_BITS = 15' },
      /branches for \d+ bytes/,
    ],
    [
      'memory out of proportion',
      'statement',
      { file: 'bundle/cursor.ts', from: 'new Uint8Array(256)', to: 'new Uint8Array(2 ** 20)' },
      /bytes asked for/,
    ],
    [
      'a loop without an end',
      'manifest',
      { file: 'bundle/files.ts', from: "indexOf('/', at + 1)", to: "indexOf('/', at)" },
      /a loop does not end/,
    ],
    [
      'an error that is none of ours',
      'key-files',
      {
        file: 'agent/identity/keys/key-file.ts',
        from: 'match === null',
        to: 'match === undefined',
      },
      /TypeError/,
    ],
    [
      'an account file that is emptied',
      'apply',
      {
        file: 'agent/apply/plan.ts',
        from: 'merged.texts[path] ?? current[path]',
        to: "merged.texts[path] ?? ''",
      },
      /machine without a bundle is another/,
    ],
    [
      'a threshold that is off by one',
      'chain',
      {
        file: 'bundle/keyset.ts',
        from: 'signers.length < keyset.threshold',
        to: 'signers.length < keyset.threshold - 1',
      },
      /taken, against the rules/,
    ],
  ])('finds %s', async (_, target, planted, says) => {
    const run = await fuzz(target, 100_000, planted);
    expect(run).toMatchObject({ finding: { error: expect.stringMatching(says) as string } });
  });

  it('does the same again with the same seed', async () => {
    const first = await fuzz('frame', 5000);
    const second = await fuzz('frame', 5000);
    expect(first).toMatchObject({ executions: 5000 });
    expect({ ...second, seconds: 0 }).toEqual({ ...first, seconds: 0 });
  });
});
