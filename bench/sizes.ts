import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { sealBundle } from '../bundle/seal.ts';
import { referenceFiles, referenceMetadata } from '../tests/fixtures/reference-node.ts';
import { manifestOf, NODE, RECIPIENTS } from './fixtures.ts';
import { compare, ratioOf } from './result.ts';
import type { Row, Suite } from './result.ts';

const TREE = fileURLToPath(new URL('../tests/fixtures/reference-node', import.meta.url));
const AGE = 'tar + xz -9e + age';
const SEALED = 'coatcheck sealed bundle';
const AIM = 0.6;

/**
 * The size of one real machine's configuration, sealed, against what people use today. Only the
 * last of them hides anything; age encrypts to as many recipients as the bundle: two.
 */
export function sizeSuite(): Suite {
  const tar = run('tar', [
    '--sort=name',
    '--mtime=@0',
    '--owner=0',
    '--group=0',
    '-C',
    TREE,
    '-c',
    '.',
  ]);
  const through = (program: string, args: string[]): Output =>
    'bytes' in tar ? run(program, args, tar.bytes) : tar;
  const xz = through('xz', ['-9e']);
  const sealed = sealBundle({
    manifest: manifestOf(referenceFiles(), referenceMetadata),
    signer: NODE,
    kind: 'node',
    recipients: RECIPIENTS,
  });
  const rows = compare(
    [
      row('tar + gzip -9', through('gzip', ['-9n'])),
      row('tar + zstd -22 --ultra', through('zstd', ['-22', '--ultra', '-q'])),
      row('tar + xz -9e', xz),
      row(AGE, 'bytes' in xz ? age(xz.bytes) : xz),
      row(SEALED, { bytes: sealed }),
    ],
    AGE,
  );
  const ratio = ratioOf(rows, SEALED);
  return {
    title: 'Size of the reference node',
    unit: 'bytes',
    baseline: AGE,
    rows,
    ...(ratio === undefined
      ? {}
      : { aims: [{ text: `at most ${AIM} of ${AGE}`, met: ratio <= AIM }] }),
  };
}

type Output = { bytes: Uint8Array } | { missing: string };

function run(program: string, args: readonly string[], input?: Uint8Array): Output {
  try {
    return {
      bytes: execFileSync(program, args, {
        ...(input && { input }),
        // age-keygen repeats the public key there.
        stdio: ['pipe', 'pipe', 'ignore'],
        maxBuffer: 2 ** 26,
      }),
    };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return { missing: `${program} is not installed` };
  }
}

function age(input: Uint8Array): Output {
  const keys = [run('age-keygen', []), run('age-keygen', [])];
  const recipients: string[] = [];
  for (const key of keys) {
    if ('missing' in key) return key;
    recipients.push('-r', /age1\w+/.exec(Buffer.from(key.bytes).toString())![0]);
  }
  return run('age', recipients, input);
}

const row = (name: string, output: Output): Row =>
  'bytes' in output ? { name, value: output.bytes.length } : { name, note: output.missing };
