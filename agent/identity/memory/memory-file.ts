import * as v from 'valibot';
import { fromHex, toHex } from '../../../bundle/bytes.ts';
import type { NodeId } from '../../../bundle/identity.ts';
import type { Folder } from '../../tree/folder.ts';
import { withLock } from '../../tree/lock.ts';
import { isOlder } from './memory.ts';
import type { MemoryStore } from './memory.ts';
import { Count, HexDigest, readState, writeState } from '../../tree/state-file.ts';
import type { StatePlace } from '../../tree/state-place.ts';

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
 * A memory in the file `memory.json` of a folder. It holds one entry per site and node, so that a
 * second key, or a move to another site, loses nothing.
 */
export function fileMemory(place: StatePlace, site: Uint8Array, node: NodeId): MemoryStore {
  const name = `${toHex(site)}/${node}`;
  const nodesIn = (folder: Folder): v.InferOutput<typeof MemoryFile>['nodes'] =>
    readState(folder, FILE, MemoryFile)?.nodes ?? {};
  return {
    load() {
      const entry = place.look(nodesIn)?.[name];
      if (entry === undefined) return undefined;
      const { keysetDigest, digest, ...numbers } = entry;
      return { ...numbers, keysetDigest: fromHex(keysetDigest), digest: fromHex(digest) };
    },
    save({ keysetVersion, keysetDigest, seq, digest, issued }) {
      const hex = { keysetDigest: toHex(keysetDigest), digest: toHex(digest) };
      const entry = { keysetVersion, seq, issued, ...hex };
      place.change((folder) =>
        withLock(folder, () => {
          const nodes = nodesIn(folder);
          // Another process may have been quicker.
          if (isOlder(entry, nodes[name])) return;
          writeState(folder, FILE, { coatcheck: 'memory/1', nodes: { ...nodes, [name]: entry } });
        }),
      );
    },
  };
}
