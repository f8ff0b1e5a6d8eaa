import * as fs from 'node:fs';
import * as v from 'valibot';
import { fromHex, toHex } from '../bundle/bytes.ts';
import type { NodeId } from '../bundle/identity.ts';
import type { NodeMemory } from '../protocol/verify.ts';
import { naming } from './system-error.ts';
import { Count, HexDigest, readState, writeState } from './state-file.ts';
import { withRoot } from './walk.ts';

/** What a node keeps of the newest decision that it verified, so that an older one is refused. */
export interface Memory extends NodeMemory {
  /** When the statement was issued, unix seconds: no clock can be before it. */
  readonly issued: number;
}

/** Where a node's memory is kept between boots. */
export interface MemoryStore {
  /** @throws file_malformed: a damaged memory is not a missing one */
  load(): Memory | undefined;
  /** Durable when it returns. Call it only with what was verified. */
  save(memory: Memory): void;
}

const FILE = 'memory.json';
const MemoryFile = v.strictObject({
  coatcheck: v.literal('memory/1'),
  nodes: v.record(
    v.string(),
    v.strictObject({
      keysetVersion: Count,
      keysetDigest: HexDigest,
      seq: Count,
      digest: HexDigest,
      issued: Count,
    }),
  ),
});

/**
 * A memory in the file `memory.json` of a folder, made when it is first needed. It holds one entry
 * per site and node, so that a second key or a move to another site loses nothing.
 */
export function fileMemory(folder: string, site: Uint8Array, node: NodeId): MemoryStore {
  const name = `${toHex(site)}/${node}`;
  const read = (): Readonly<Record<string, v.InferOutput<typeof MemoryFile>['nodes'][string]>> =>
    withRoot(folder, (root) => readState(root, FILE, MemoryFile))?.nodes ?? {};
  return {
    load() {
      if (!fs.existsSync(folder)) return undefined;
      const entry = read()[name];
      if (entry === undefined) return undefined;
      const { keysetDigest, digest, ...numbers } = entry;
      return { ...numbers, keysetDigest: fromHex(keysetDigest), digest: fromHex(digest) };
    },
    save({ keysetVersion, keysetDigest, seq, digest, issued }) {
      naming(folder, () => fs.mkdirSync(folder, { recursive: true, mode: 0o700 }));
      const entry = {
        keysetVersion,
        keysetDigest: toHex(keysetDigest),
        seq,
        digest: toHex(digest),
      };
      const nodes = { ...read(), [name]: { ...entry, issued } };
      withRoot(folder, (root) => writeState(root, FILE, { coatcheck: 'memory/1', nodes }));
    },
  };
}
