import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { withTemporaryFolder } from '../tests/support/temporary-folder.ts';
import { deriveIdentity, signKeyset, ZERO_DIGEST } from '../bundle/index.ts';
import type { NodeId, SignedKeyset } from '../bundle/index.ts';
import type { Site } from '../protocol/site.ts';
import { doubt } from '../admin/doubt.ts';
import { readMemory, writeMemory } from './memory.ts';
import { doubtText } from '../words/warnings.ts';

const admin = deriveIdentity(new Uint8Array(32).fill(9));
const siteId = new Uint8Array(16).fill(3);
const keyset = (version: number, before?: SignedKeyset): SignedKeyset =>
  signKeyset(
    {
      ...{ site: siteId, version, previous: before?.digest ?? ZERO_DIGEST, threshold: 1 },
      keys: [{ ...admin, may: 'all', name: `ada${version}` }],
    },
    before === undefined ? [] : [{ identity: admin, keyIndex: 0 }],
  );
const first = keyset(1);
const site: Site = {
  ...{ id: siteId, name: 'lab', pinned: first, approval: 'required' },
  ...{ servers: ['http://127.0.0.1:1'], maxBundleBytes: 4096 },
};
const node = 'a'.repeat(32) as NodeId;
const seen = (seq: number, digit = 'a') => ({ seq, slot: seq, digest: digit.repeat(64) });

let folder: string;
let path: string;
withTemporaryFolder('memory', (made) => ([folder, path] = [made, join(made, 'memory.json')]));

describe('memory.json', () => {
  it('is empty at first, and reads back what was written', async () => {
    expect(await readMemory(path, site)).toEqual({ chain: [first], nodes: new Map() });
    const chain = [first, keyset(2, first)];
    await writeMemory(path, site, { chain, nodes: new Map([[node, seen(3)]]) });
    const memory = await readMemory(path, site);
    expect(memory.nodes.get(node)).toEqual(seen(3));
    expect(memory.chain.map((link) => link.keyset.version)).toEqual([1, 2]);
  });

  it('never forgets a larger seq or a newer keyset, whoever writes last', async () => {
    const chain = [first, keyset(2, first)];
    await writeMemory(path, site, { chain, nodes: new Map([[node, seen(5)]]) });
    await writeMemory(path, site, { chain: [first], nodes: new Map([[node, seen(4, 'b')]]) });
    const memory = await readMemory(path, site);
    expect(memory.nodes.get(node)).toEqual(seen(5));
    expect(memory.chain).toHaveLength(2);
  });

  it('loses nothing where many write at once', async () => {
    const ids = Array.from(
      { length: 12 },
      (_, i) => `${'a'.repeat(30)}${'bcdefgh'[i % 7]!}${'bcdefgh'[Math.floor(i / 7)]!}` as NodeId,
    );
    await Promise.all(
      ids.map((id, i) =>
        writeMemory(path, site, { chain: [first], nodes: new Map([[id, seen(i + 1)]]) }),
      ),
    );
    const { nodes } = await readMemory(path, site);
    expect([...nodes].map(([id, { seq }]) => [id, seq]).sort()).toEqual(
      ids.map((id, i) => [id, i + 1]).sort(),
    );
    expect(await readdir(folder)).toEqual(['memory.json']);
  });

  it('keeps what it has seen of the nodes when the site pins a later keyset', async () => {
    const second = keyset(2, first);
    await writeMemory(path, site, { chain: [first], nodes: new Map([[node, seen(5)]]) });
    const later = { ...site, pinned: second };
    expect(await readMemory(path, later)).toEqual({
      chain: [second],
      nodes: new Map([[node, seen(5)]]),
    });
    await writeMemory(path, later, { chain: [second], nodes: new Map([[node, seen(6)]]) });
    expect((await readMemory(path, later)).nodes.get(node)).toEqual(seen(6));
  });

  it('is refused if it is broken, of another site, or its keysets do not verify', async () => {
    const refused = { code: 'file_malformed' };
    await writeFile(path, '{');
    await expect(readMemory(path, site)).rejects.toMatchObject(refused);
    await rm(path);
    await writeMemory(path, site, { chain: [first], nodes: new Map() });
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.replace(/"site": "0/, '"site": "1'));
    await expect(readMemory(path, site)).rejects.toMatchObject(refused);
    await writeFile(path, text.replace(/"chain": "Y2/, '"chain": "Y3'));
    await expect(readMemory(path, site)).rejects.toMatchObject(refused);
  });
});

describe('doubt', () => {
  it.each([
    ['nothing was seen before', undefined, undefined, undefined],
    ['more than before', seen(2), seen(3, 'b'), undefined],
    ['the same as before', seen(2), seen(2), undefined],
    ['less than before', seen(2), seen(1), 'shows less'],
    ['nothing any more', seen(2), undefined, 'shows less'],
    ['another decision of the same number', seen(2), seen(2, 'b'), 'another decision'],
  ])('%s', (_, before, now, expected) => {
    const said = doubt(before, now);
    if (expected === undefined) expect(said).toBeUndefined();
    else expect(said && doubtText(said)).toContain(expected);
  });
});
