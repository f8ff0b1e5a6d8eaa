import { expect, it } from 'vitest';
import { MAX_CHAIN_BYTES } from '../../../bundle/frame.ts';
import { encodeChain, encodeSignedKeyset, signKeyset } from '../../../bundle/keyset.ts';
import type { Keyset, SignedKeyset } from '../../../bundle/keyset.ts';
import { toHex } from '../../../bundle/bytes.ts';
import { createKeyset } from '../../../functions/approval/new-keyset.ts';
import { currentChain, storeKeysets } from '../../../functions/keysets.ts';
import { codeOf } from '../../../protocol/errors.ts';
import type { ErrorCode } from '../../../protocol/errors.ts';
import { keysetKey } from '../../../protocol/keys.ts';
import { makeAdmin, makeSite, nextKeyset } from '../../support/site.ts';
import type { TestAdmin } from '../../support/site.ts';
import { faultyStore } from './faulty-store.ts';
import type { Fault } from './faulty-store.ts';
import { refusalOf } from './world.ts';
import type { StoreUnderTest } from './world.ts';

/** Administrators come and go: `keysets/<version>` is created once, after the one before, or not at all. */
export function keysetsContract(under: () => StoreUnderTest): void {
  const [ada, bob, cyd] = ['ada', 'bob', 'cyd'].map((name) => makeAdmin(name)) as [
    TestAdmin,
    TestAdmin,
    TestAdmin,
  ];
  const { site } = makeSite({ admins: [ada, bob], threshold: 2 });
  const first = { signed: site.pinned, admins: [ada, bob] };
  const second = nextKeyset(first, [ada, bob, cyd], 2);
  const third = nextKeyset({ signed: second, admins: [ada, bob, cyd] }, [bob, cyd]);

  const create = (signed: SignedKeyset, store = under().store): Promise<string> =>
    createKeyset(store, site, signed);
  const newest = async (): Promise<string> => {
    const chain = await currentChain(storeKeysets(under().bucket), [site.pinned]);
    return toHex(chain.at(-1)!.digest);
  };
  async function expectRefused(signed: SignedKeyset, code: ErrorCode): Promise<void> {
    const before = await newest();
    expect(await create(signed).catch(codeOf)).toBe(code);
    expect(await newest()).toBe(before);
  }

  it('creates one after the other, and finds one that is there', async () => {
    expect(await create(second)).toBe('created');
    expect(await create(second)).toBe('already');
    expect(await create(third)).toBe('created');
    expect(await create(second)).toBe('already');
    expect(await newest()).toBe(toHex(third.digest));
    expect(await under().bucket.head(keysetKey(1))).toBeDefined();
  });

  it('refuses what follows another, skips one, or goes back', async () => {
    await expectRefused(third, 'stale_keyset');
    await create(second);
    const fork = nextKeyset(first, [bob, cyd]);
    await expectRefused(fork, 'stale_keyset');
    const error = await refusalOf(create(fork));
    expect(error.details).toEqual({ version: 2, digest: toHex(second.digest) });
    await create(third);
    const again = nextKeyset({ signed: second, admins: [ada, bob, cyd] }, [ada, bob], 2);
    await expectRefused(again, 'stale_keyset');
  });

  it('wants the threshold of the keyset before, each of them a key that may', async () => {
    const next: Keyset = { ...second.keyset, threshold: 1 };
    const by = ({ identity }: TestAdmin, keyIndex: number) => ({ identity, keyIndex });
    await expectRefused(signKeyset(next, [by(ada, 0)]), 'threshold_not_met');
    await expectRefused(signKeyset(next, []), 'threshold_not_met');
    await expectRefused(signKeyset(next, [by(ada, 0), by(cyd, 1)]), 'bad_signature');
    await expectRefused(signKeyset(next, [by(ada, 0), by(cyd, 2)]), 'bad_key_index');
    const elsewhere = { ...next, site: new Uint8Array(16).fill(9) };
    await expectRefused(signKeyset(elsewhere, [by(ada, 0), by(bob, 1)]), 'wrong_site');
    expect(await create(signKeyset(next, [by(ada, 0), by(bob, 1)]))).toBe('created');
  });

  it('does not go past what is no keyset', async () => {
    await under().bucket.create(keysetKey(2), Uint8Array.of(1, 2, 3));
    expect(await create(second).catch(codeOf)).toBe('does_not_verify');
    await under().bucket.delete(keysetKey(2));
    expect(await create(second)).toBe('created');
  });

  it('lets one of many win that make the same version, and tells the others', async () => {
    const names = ['dan', 'eve', 'fay', 'gil'];
    const wanted = names.map((name) => nextKeyset(first, [ada, bob, makeAdmin(name)], 2));
    const told = await Promise.all(wanted.map((signed) => create(signed).catch(codeOf)));
    const won = wanted.filter((_, i) => told[i] === 'created');
    expect(told.filter((outcome) => outcome === 'stale_keyset')).toHaveLength(names.length - 1);
    expect(won.map(({ digest }) => toHex(digest))).toEqual([await newest()]);
  });

  it('finds out what became of a write, whatever happens to it', async () => {
    for (const fault of ['lost, done', 'lost, not done', 'late', 'twice', 'again, late'] as const) {
      for (let n = 1, hit = true; hit; n++) {
        await reset();
        hit = false;
        let writes = 0;
        const store = faultyStore(under().store, ({ operation }) => {
          const isHit = operation === 'create' && ++writes === n;
          hit ||= isHit;
          return isHit ? fault : undefined;
        });
        expect(['created', 'already']).toContain(await create(second, store));
        await store.land();
        expect(await newest()).toBe(toHex(second.digest));
      }
    }
  });

  it('is whole or absent after a crash at any call, and the same request finishes it', async () => {
    for (const fault of ['crash before', 'crash after'] as const satisfies Fault[]) {
      for (let n = 1, hit = true; hit; n++) {
        await reset();
        hit = false;
        const store = faultyStore(under().store, ({ index }) => {
          hit ||= index === n;
          return index === n ? fault : undefined;
        });
        await create(second, store).catch(() => undefined);
        expect(await create(second)).toMatch(/^(created|already)$/);
        expect(await newest()).toBe(toHex(second.digest));
      }
    }
  });

  it('refuses one keyset too many: no decision could carry the chain', async () => {
    const many = Array.from({ length: 15 }, (_, i) => makeAdmin(`${i}`.padEnd(32, 'x')));
    const chain = [site.pinned, nextKeyset(first, many)];
    while (encodeChain(chain).length <= MAX_CHAIN_BYTES) {
      chain.push(nextKeyset({ signed: chain.at(-1)!, admins: [many[0]!] }, many));
    }
    const tooMany = chain.pop()!;
    const last = chain.pop()!;
    for (const signed of chain.slice(1)) {
      await under().bucket.create(keysetKey(signed.keyset.version), encodeSignedKeyset(signed));
    }
    expect(await create(last)).toBe('created');
    await expectRefused(tooMany, 'chain_too_large');
    for (const { keyset } of chain.slice(1)) await under().bucket.delete(keysetKey(keyset.version));
  });

  async function reset(): Promise<void> {
    for (const version of [1, 2]) await under().bucket.delete(keysetKey(version));
  }
}
