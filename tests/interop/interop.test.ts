import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect } from 'vitest';
import { fromHex, fromUtf8, toHex } from '../../bundle/bytes.ts';
import { encodeFrame, decodeFrame, verifyFrame } from '../../bundle/frame.ts';
import { openBundle } from '../../bundle/open.ts';
import { sealBundle } from '../../bundle/seal.ts';
import { decodeSignedStatement } from '../../bundle/statement.ts';
import { ada, manifestOf, node, pinned } from '../fixtures/format.ts';
import { referenceManifest } from '../fixtures/reference-node.ts';
import { namePoints } from '../support/name-points.ts';
import { itWith } from '../support/components.ts';
import { cases } from '../vectors/suite.ts';
import { parseVector } from '../vectors/vector.ts';

const reader = fileURLToPath(new URL('./reader.py', import.meta.url));
const folder = fileURLToPath(new URL('../vectors/cases', import.meta.url));
const NODE_SEED = '01'.repeat(32);
const ADA_SEED = '03'.repeat(32);

const python = (args: readonly string[], input = ''): string =>
  execFileSync('python3', ['-B', reader, ...args], { input, encoding: 'utf8', maxBuffer: 2 ** 26 });

interface Opened {
  readonly node: string;
  readonly metadata: Record<string, string>;
  readonly files: readonly { path: string; mode: number; content: string }[];
}

describe('a reader in Python, written from docs/format.md alone', () => {
  itWith('pynacl', 'reaches the verdict and the code of every vector', () => {
    const verdicts = Object.fromEntries(
      python(['vectors', folder])
        .trimEnd()
        .split('\n')
        .map((line) => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)]),
    );
    const expected = Object.fromEntries(
      cases.map(({ name, text }) => [name, parseVector(name, text).expect]),
    );
    expect(verdicts).toEqual(expected);
  });

  itWith('pynacl', 'opens what we seal, through libsodium, as the node and as the admin', () => {
    const manifest = referenceManifest(node);
    const recipients = [node.boxKey, ada.boxKey];
    const sealed = sealBundle({ manifest, signer: node, kind: 'node', recipients });
    for (const seed of [NODE_SEED, ADA_SEED]) {
      const opened = JSON.parse(python(['open', seed], toHex(sealed))) as Opened;
      expect(opened.node).toBe(node.id);
      expect(opened.metadata['hostname']).toBe(manifest.metadata.hostname);
      expect(opened.files.map(({ path, mode, content }) => ({ path, mode, content }))).toEqual(
        manifest.files.map(({ path, mode, content }) => ({ path, mode, content: toHex(content) })),
      );
    }
  });

  itWith('pynacl', 'takes the code points in names that we take, each name of them in NFC', () => {
    expect(python(['names']).trimEnd().split('\n')).toEqual(namePoints());
  });

  itWith('pynacl', 'makes a bundle and an approval that we accept', () => {
    const made = JSON.parse(python(['make', NODE_SEED, ADA_SEED])) as Record<string, string>;
    const frame = encodeFrame({
      chain: [pinned],
      statement: decodeSignedStatement(fromHex(made['statement']!)),
      bundle: fromHex(made['bundle']!),
    });
    const trust = { pinned, approval: 'required' } as const;
    const verified = verifyFrame(decodeFrame(frame, { maxBytes: 2 ** 20 }), trust);
    expect(verified.statement).toMatchObject({ node: node.id, seq: 1, reason: 'from Python' });
    for (const keys of [node, ada]) {
      const manifest = openBundle(verified.bundle!, keys);
      expect(manifest.node).toEqual(manifestOf().node);
      expect(manifest.metadata).toEqual({ hostname: 'snake', madeBy: 'reader.py' });
      expect(manifest.files.map(({ path, mode }) => [path, mode])).toEqual([
        ['etc/hosts', 0o600],
        ['etc/motd', 0o644],
      ]);
      expect(fromUtf8(manifest.files[1]!.content)).toBe('made in Python\n');
    }
  });
});
