import { describe, expect, it } from 'vitest';
import { utf8 } from '../../bundle/bytes.ts';
import { encodeSignedStatement } from '../../bundle/statement.ts';
import { cosignKey, digestHex, PENDING_DAYS } from '../../protocol/keys.ts';
import type { ObjectKey } from '../../protocol/keys.ts';
import { createMemoryStore } from '../../store/memory.ts';
import {
  after,
  makeAdmin,
  makeNode,
  makeSite,
  makeStatement,
  sign,
} from '../../tests/support/site.ts';
import { decide } from '../approval/decide.ts';
import { probeCosigned } from './cosigned.ts';

describe('what lies in cosign/', () => {
  const admins = ['ada', 'bob'].map((name) => makeAdmin(name));
  const { site } = makeSite({ admins, threshold: 2 });
  const { keyset } = site.pinned;
  const node = makeNode();
  const DAYS = 24 * 3_600_000;

  it('is named where it is good for nothing, and where it waits for long', async () => {
    const store = createMemoryStore();
    const put = async (statement: ReturnType<typeof sign>, keyIndex = 0): Promise<ObjectKey> => {
      const key = cosignKey(node.id, digestHex(statement.digest), keyIndex);
      await store.create(key, encodeSignedStatement(statement));
      return key;
    };
    const found = async (now?: number): Promise<string[]> =>
      (await probeCosigned(store, site, now)).map(({ status, found }) =>
        status === 'ok' ? status : found,
      );
    expect(await found()).toEqual(['ok', 'ok']);

    const revoke = makeStatement(keyset, node.id, 'revoke');
    const first = sign(revoke, keyset, ...admins);
    const late = await put(sign({ ...revoke, reason: 'late' }, keyset, admins[1]!), 1);
    expect(await found()).toEqual(['ok', 'ok']);
    await store.delete(late);
    await decide({ store, site, node: node.id, by: 'admin', statement: first });
    await put(sign({ ...revoke, reason: 'late' }, keyset, admins[1]!), 1);
    const next = makeStatement(keyset, node.id, 'reconfigure', after(first));
    const waits = await put(sign(next, keyset, admins[0]!));
    const misnamed = await put(sign({ ...next, reason: 'x' }, keyset, admins[1]!));
    const junk = cosignKey(node.id, digestHex(new Uint8Array(32)), 3);
    await store.create(junk, utf8('junk'));
    await store.create('cosign/x' as ObjectKey, utf8('junk'));
    const bad = ['cosign/x (not ours)', ...[junk, late, misnamed].sort()];
    expect((await found()).map((text) => text.split(', '))).toEqual([bad, ['ok']]);
    expect((await found(Date.now() + (PENDING_DAYS + 1) * DAYS))[1]).toBe(waits);
  });
});
