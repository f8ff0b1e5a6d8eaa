import { utf8 } from '../bundle/bytes.ts';
import type { Manifest } from '../bundle/manifest.ts';
import { ZERO_DIGEST } from '../bundle/statement.ts';
import { sha256 } from '../bundle/platform/node.ts';
import { deriveIdentity } from '../bundle/identity.ts';
import { makeNode } from '../tests/support/site.ts';
import type { TestAdmin } from '../tests/support/site.ts';

/** The same node and administrator in every run. */
export const NODE = makeNode('bench');
export const ADMIN_SEED = sha256(utf8('coatcheck bench: the administrator'));
export const ADMIN: TestAdmin = administratorOf(ADMIN_SEED);

/** Whom a bundle is sealed to: the node and one administrator. */
export const RECIPIENTS = [NODE.boxKey, ADMIN.key.boxKey];

/** A manifest of the bench's node with these files and nothing in force before. */
export function manifestOf(
  files: Manifest['files'],
  metadata: Manifest['metadata'] = {},
): Manifest {
  const { signKey, boxKey } = NODE;
  return { node: { signKey, boxKey }, base: ZERO_DIGEST, metadata, files };
}

/** One file of `size` bytes: text that compresses about as settings do, the same in every run. */
export function textFile(size: number): Manifest['files'][number] {
  let state = 1;
  const next = (): number => (state = (state * 48_271) % 0x7fff_ffff);
  let text = '';
  while (text.length < size) {
    text += `interface${next() % 32}.address = 10.${next() % 256}.${next() % 256}.${next() % 256}\n`;
  }
  return {
    ...{ path: 'etc/bench.conf', mode: 0o644, owner: 'root', uid: 0, group: 'root', gid: 0 },
    content: utf8(text.slice(0, size)),
  };
}

function administratorOf(seed: Uint8Array): TestAdmin {
  const identity = deriveIdentity(seed);
  const { signKey, boxKey } = identity;
  return { identity, key: { signKey, boxKey, may: 'all', name: 'bench' } };
}
