import { describe, expect, it } from 'vitest';
import { toBase64Url, toHex } from '../../bundle/bytes.ts';
import { encodeChain } from '../../bundle/keyset.ts';
import type { SignedKeyset } from '../../bundle/keyset.ts';
import type { Fetch, FetchAnswer } from '../../protocol/objects.ts';
import { makeAdmin, makeNode, makeSite, nextKeyset } from '../../tests/support/site.ts';
import type { Node } from './node.ts';
import { newestKeyset } from './sealed.ts';
import { createServers } from './servers.ts';

const NOW = 1_790_000_000;
const { site, admins } = makeSite();
const ANSWER = {
  ...{ site: toHex(site.id), name: site.name, approval: site.approval },
  ...{ maxBundleBytes: site.maxBundleBytes, now: NOW },
};
const bert = makeAdmin('bert');
const second = nextKeyset({ signed: site.pinned, admins }, [bert]);
const third = nextKeyset({ signed: second, admins: [bert] }, [bert]);
/** Made by an administrator of the first, who is not in the second any more. */
const fork = nextKeyset({ signed: site.pinned, admins }, admins);
const longer = nextKeyset({ signed: fork, admins }, admins);

/** Of a machine that remembers a keyset, asking servers that show one chain each. */
async function newest(
  chains: readonly (readonly SignedKeyset[])[],
  remembered?: SignedKeyset,
): Promise<number> {
  const memory = remembered && {
    ...{ keysetVersion: remembered.keyset.version, keysetDigest: remembered.digest },
    ...{ seq: 1, digest: new Uint8Array(32), issued: 0 },
  };
  const node = {
    ...{ site, identity: makeNode(), memory: { load: () => memory }, now: () => NOW },
  } as unknown as Node;
  const origins = chains.map((_, i) => `http://server-${i}.example`);
  const fetch: Fetch = (url) => {
    const chain = toBase64Url(encodeChain(chains[origins.indexOf(new URL(url).origin)]!));
    return Promise.resolve(new Response(JSON.stringify({ ...ANSWER, chain })) as FetchAnswer);
  };
  return (await newestKeyset(node, createServers(node, origins, fetch))).version;
}

describe('the keyset that a machine seals to', () => {
  it('is the newest that the server shows', async () => {
    expect(await newest([[site.pinned, second, third]])).toBe(3);
    expect(await newest([[site.pinned, second, third]], second)).toBe(3);
  });
  it.each([
    ['older than the one remembered', [site.pinned]],
    ['of a fork by keys that were taken away, however long', [site.pinned, fork, longer]],
  ])('is none %s', async (_, chain) => {
    await expect(newest([chain], second)).rejects.toMatchObject({ code: 'rollback_refused' });
  });
  it('is none that does not follow from the pinned one', async () => {
    await expect(newest([[second, third]])).rejects.toMatchObject({ code: 'not_pinned' });
  });
  it.each([
    ['that does not follow from the pinned one', [second, third]],
    ['older than the one remembered', [site.pinned]],
  ])('is that of another server where the first has one %s', async (_, chain) => {
    expect(await newest([chain, [site.pinned, second, third]], second)).toBe(3);
  });
});
