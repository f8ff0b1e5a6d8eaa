import { describe, expect, it } from 'vitest';
import { sha256 } from '#platform';
import { utf8 } from '../../bundle/bytes.ts';
import { encodeFrame } from '../../bundle/frame.ts';
import {
  digestHex,
  historyKey,
  parseDigest,
  PENDING_DAYS,
  pendingKey,
} from '../../protocol/keys.ts';
import type { ObjectKey } from '../../protocol/keys.ts';
import { createMemoryStore } from '../../store/memory.ts';
import type { ObjectStore } from '../../store/port.ts';
import {
  makeNode,
  makeSite,
  makeStatement,
  NOTHING,
  propose,
  sign,
} from '../../tests/support/site.ts';
import type { TestProposal } from '../../tests/support/site.ts';
import { probePending } from './pending.ts';
import { freshKey } from './probe.ts';

describe('what was left in pending/', () => {
  const { site, admins } = makeSite();
  const { keyset } = site.pinned;
  const node = makeNode();
  const [admin] = admins;

  /** Puts a proposal there. @returns its key */
  async function wait(store: ObjectStore, { bytes, digest }: TestProposal): Promise<ObjectKey> {
    const key = pendingKey(node.id, digestHex(digest));
    await store.create(key, bytes);
    return key;
  }
  const told = async (store: ObjectStore, now?: number) =>
    Object.fromEntries(
      (await probePending(store, site, now)).map(({ status, found }, i) => [
        (['decidable', 'ends', 'stands'] as const)[i]!,
        status === 'ok' ? status : found,
      ]),
    );
  const WELL = { decidable: 'ok', ends: 'ok', stands: 'ok' };

  it('is nothing where each waits for an administrator, made by the node or by one of them', async () => {
    const store = createMemoryStore();
    await wait(store, propose({ keyset, node }));
    await wait(store, propose({ keyset, node, by: admin!.identity }));
    await store.create(freshKey(), utf8('of a probe'));
    expect(await told(store)).toEqual(WELL);
  });

  it('is what nobody can approve', async () => {
    const store = createMemoryStore();
    const junk = pendingKey(node.id, digestHex(sha256(utf8('junk'))));
    await store.create(junk, utf8('junk'));
    const other = pendingKey(node.id, parseDigest('ab'.repeat(32)));
    await store.create(other, utf8('junk'));
    const stranger = await wait(store, propose({ keyset, node, by: makeNode() }));
    const recipients = [node.boxKey];
    const few = await wait(store, propose({ keyset, node, recipients }));
    await store.create('pending/x' as ObjectKey, utf8('junk'));
    const { decidable, ...rest } = await told(store);
    expect(rest).toEqual({ ends: 'ok', stands: 'ok' });
    expect(decidable!.split(', ').sort()).toEqual(
      [
        `${junk} (bad_magic)`,
        `${other} (digest_mismatch)`,
        `${stranger} (bad_signer)`,
        `${few} (bad_recipients)`,
        'pending/x (not ours)',
      ].sort(),
    );
  });

  it('is what waits for longer than anything may, in few words where it is much', async () => {
    const store = createMemoryStore();
    const key = await wait(store, propose({ keyset, node }));
    const day = 24 * 3_600_000;
    expect(await told(store, Date.now() + PENDING_DAYS * day)).toEqual(WELL);
    const late = Date.now() + (PENDING_DAYS + 2) * day;
    expect(await told(store, late)).toEqual({ ...WELL, ends: key });
    for (let i = 0; i < 30; i++) await wait(store, propose({ keyset, node }));
    expect((await told(store, late))['ends']).toMatch(/, and 21 more$/);
  });

  it('is what was decided, and what an administrator sent and somebody else was quicker', async () => {
    const store = createMemoryStore();
    const lost = await wait(store, propose({ keyset, node, by: admin!.identity }));
    const later = propose({ keyset, node });
    const bundle = propose({ keyset, node });
    await new Promise((resolve) => setTimeout(resolve, 5));
    const statement = sign(
      makeStatement(keyset, node.id, 'approve', NOTHING, { digest: bundle.digest }),
      ...([keyset, admin!] as const),
    );
    const frame = encodeFrame({ chain: [site.pinned], statement, bundle: bundle.bytes });
    await store.create(historyKey(node.id, 1), frame);
    const decided = await wait(store, bundle);
    await wait(store, later);
    const { stands, ...rest } = await told(store);
    expect(rest).toEqual({ decidable: 'ok', ends: 'ok' });
    expect(
      stands!
        .split(', pending')
        .map((text) => text.replace(/^\//, 'pending/'))
        .sort(),
    ).toEqual(
      [`${decided} (decided: seq 1)`, `${lost} (an administrator's, older than decision 1)`].sort(),
    );
  });
});
