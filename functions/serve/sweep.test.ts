import { describe, expect, it } from 'vitest';
import { sha256 } from '#platform';
import { utf8 } from '../../bundle/bytes.ts';
import { digestHex, historyKey, pendingKey, PENDING_DAYS } from '../../protocol/keys.ts';
import { guardStore } from '../../store/guard.ts';
import { createMemoryStore } from '../../store/memory.ts';
import {
  makeAdmin,
  makeNode,
  makeSite,
  makeStatement,
  NOTHING,
  propose,
  sign,
} from '../../tests/support/site.ts';
import type { TestProposal } from '../../tests/support/site.ts';
import { contents } from '../../tests/support/stores.ts';
import { cosign } from '../approval/cosign.ts';
import { decide } from '../approval/decide.ts';
import { sweepPending } from './sweep.ts';

const node = makeNode();
const DAY = 24 * 3600;

describe('what waits for a decision', () => {
  it('ends after its days, all of it over many pages, and nothing else does', async () => {
    const store = createMemoryStore();
    for (let i = 0; i < 1005; i++) {
      await store.create(pendingKey(node.id, digestHex(sha256(utf8(`${i}`)))), utf8('x'));
    }
    await store.create(historyKey(node.id, 1), utf8('x'));
    const now = Date.now() / 1000;
    const admin = guardStore(store, 'admin');
    const { site } = makeSite();
    expect(await sweepPending(admin, site, now + (PENDING_DAYS - 1) * DAY)).toBe(0);
    expect(await contents(store)).toHaveLength(1006);
    expect(await sweepPending(admin, site, now + PENDING_DAYS * DAY + 60)).toBe(1005);
    expect((await contents(store)).map((line) => line.split('/')[0])).toEqual(['history']);
  });

  it('stays while somebody has signed a decision about it that lacks signatures', async () => {
    const admins = ['ada', 'bob'].map((name) => makeAdmin(name));
    const { site } = makeSite({ admins, threshold: 2 });
    const { keyset } = site.pinned;
    const store = createMemoryStore();
    const [signed, other] = ['one', 'two'].map((name) =>
      propose({ keyset, node, files: { 'etc/hostname': `${name}\n` } }),
    ) as [TestProposal, TestProposal];
    for (const { bytes, digest } of [signed, other]) {
      await store.create(pendingKey(node.id, digestHex(digest)), bytes);
    }
    const more = { digest: signed.digest };
    const wanted = makeStatement(keyset, node.id, 'approve', NOTHING, more);
    const statement = sign(wanted, keyset, admins[0]!);
    const about = { store, site, node: node.id, from: { pending: true }, by: 'admin' } as const;
    const { boxKey: nodeBoxKey } = node;
    await cosign({ ...about, statement, nodeBoxKey }, admins[0]!.identity.signKey);
    const later = Date.now() / 1000 + (PENDING_DAYS + 1) * DAY;
    expect(await sweepPending(guardStore(store, 'admin'), site, later)).toBe(1);
    const key = pendingKey(node.id, digestHex(signed.digest));
    expect(await store.head(key)).toBeDefined();
    // Once something else is decided the signature is good for nothing.
    const revoke = sign(makeStatement(keyset, node.id, 'revoke'), keyset, ...admins);
    await decide({ store, site, node: node.id, by: 'admin', statement: revoke });
    expect(await sweepPending(guardStore(store, 'admin'), site, later)).toBe(1);
    expect(await store.head(key)).toBeUndefined();
  });
});
