import { describe, expect, it } from 'vitest';
import { toBase64Url } from '../../bundle/bytes.ts';
import { encodeChain } from '../../bundle/keyset.ts';
import type { SignedKeyset } from '../../bundle/keyset.ts';
import { makeAdmin, makeNode, makeSite, nextKeyset } from '../../tests/support/site.ts';
import type { Node } from '../node.ts';
import { newestKeyset } from './sealed.ts';
import type { Servers } from './servers.ts';

const { site, admins } = makeSite();
const bert = makeAdmin('bert');
const second = nextKeyset({ signed: site.pinned, admins }, [bert]);
const third = nextKeyset({ signed: second, admins: [bert] }, [bert]);
/** Made by an administrator of the first, who is not in the second any more. */
const fork = nextKeyset({ signed: site.pinned, admins }, admins);
const longer = nextKeyset({ signed: fork, admins }, admins);

/** Of a machine that remembers a keyset, asking a server that shows a chain. */
async function newest(chain: readonly SignedKeyset[], remembered?: SignedKeyset): Promise<number> {
  const memory = remembered && {
    ...{ keysetVersion: remembered.keyset.version, keysetDigest: remembered.digest },
    ...{ seq: 1, digest: new Uint8Array(32), issued: 0 },
  };
  const node = { site, identity: makeNode(), memory: { load: () => memory } } as unknown as Node;
  const servers = {
    ask: () => Promise.resolve({ chain: toBase64Url(encodeChain(chain)) }),
  } as unknown as Servers;
  return (await newestKeyset(node, servers)).version;
}

describe('the keyset that a machine seals to', () => {
  it('is the newest that the server shows', async () => {
    expect(await newest([site.pinned, second, third])).toBe(3);
    expect(await newest([site.pinned, second, third], second)).toBe(3);
  });
  it.each([
    ['older than the one remembered', [site.pinned]],
    ['of a fork by keys that were taken away, however long', [site.pinned, fork, longer]],
  ])('is none %s', async (_, chain) => {
    await expect(newest(chain, second)).rejects.toMatchObject({ code: 'rollback_refused' });
  });
  it('is none that does not follow from the pinned one', async () => {
    await expect(newest([second, third])).rejects.toMatchObject({ code: 'not_pinned' });
  });
});
