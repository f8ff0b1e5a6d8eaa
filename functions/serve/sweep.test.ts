import { describe, expect, it } from 'vitest';
import { sha256 } from '#platform';
import { utf8 } from '../../bundle/bytes.ts';
import { digestHex, historyKey, pendingKey, PENDING_DAYS } from '../../protocol/keys.ts';
import { guardStore } from '../../store/guard.ts';
import { createMemoryStore } from '../../store/memory.ts';
import { makeNode } from '../../tests/support/site.ts';
import { contents } from '../../tests/support/stores.ts';
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
    expect(await sweepPending(admin, now + (PENDING_DAYS - 1) * DAY)).toBe(0);
    expect(await contents(store)).toHaveLength(1006);
    expect(await sweepPending(admin, now + PENDING_DAYS * DAY + 60)).toBe(1005);
    expect((await contents(store)).map((line) => line.split('/')[0])).toEqual(['history']);
  });
});
