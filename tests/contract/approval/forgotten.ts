import { expect, it } from 'vitest';
import { sealBytes } from '../../../bundle/seal.ts';
import { utf8 } from '../../../bundle/bytes.ts';
import { forget } from '../../../functions/approval/forget.ts';
import { codeOf } from '../../../protocol/errors.ts';
import { MAX_ENTRY_BYTES } from '../../../protocol/history.ts';
import type { History } from '../../../protocol/history.ts';
import { approvedKey, digestHex, historyKey, reportKey } from '../../../protocol/keys.ts';
import type { ObjectStore } from '../../../store/port.ts';
import type { After } from '../../support/site.ts';
import { Crash, faultyStore } from './faulty-store.ts';
import type { Fault } from './faulty-store.ts';
import { makeWorld } from './world.ts';
import type { StoreUnderTest, World } from './world.ts';

/** What a revoked node leaves goes away, and every decision about it stays. */
export function forgottenContract(under: () => StoreUnderTest): void {
  /** A node with two approvals, a rejection, a proposal and a report, revoked. */
  async function revoked(): Promise<{ world: World; head: After; store: ObjectStore }> {
    const { store } = under();
    const world = makeWorld(under());
    const { place: first } = await world.approve('a');
    const { place: second } = await world.approve('b', first);
    const proposal = await world.propose('c');
    const third = await world.next(world.request({ type: 'reject', place: second, proposal }));
    await world.propose('d');
    const { node, keyset } = world;
    const report = sealBytes({
      ...{ plain: utf8('a report'), signer: node, kind: 'report' },
      recipients: keyset.keys.map(({ boxKey }) => boxKey),
    });
    await world.bucket.create(reportKey(node.id), report);
    const head = await world.next(world.request({ type: 'revoke', place: third }));
    return { world, head, store };
  }

  const forgetAll = (
    { site, node }: World,
    { digest }: Pick<After, 'digest'>,
    store: ObjectStore,
  ) => forget({ store, site, node: node.id }, digestHex(digest));

  async function expectForgotten(world: World, before: History) {
    const history = await world.history();
    expect(history.junk).toEqual([]);
    expect(history.entries.map(({ frame }) => frame.statementDigest)).toEqual(
      before.entries.map(({ frame }) => frame.statementDigest),
    );
    expect(history.entries.map(({ frame, forgotten }) => [frame.bundle, forgotten])).toEqual([
      [undefined, true],
      [undefined, true],
      [undefined, false],
      [undefined, false],
    ]);
    expect((await world.shown())?.statement.type).toBe('revoke');
    const names = [...Object.keys(await world.objects())].sort();
    const slots = [1, 2, 3, 4].map((slot) => historyKey(world.node.id, slot));
    expect(names.filter((name) => !name.startsWith('approved/'))).toEqual(slots);
    expect(await world.bucket.head(reportKey(world.node.id))).toBeUndefined();
    await world.repair();
    expect(await world.shown()).toMatchObject({ statement: { type: 'revoke' } });
  }

  it('keeps every decision with its signatures, and what the node is shown', async () => {
    const { world, head, store } = await revoked();
    const before = await world.history();
    const outcome = await forgetAll(world, head, store);
    expect([outcome.slots, outcome.removed.length, outcome.junk]).toEqual([[1, 2], 3, []]);
    await expectForgotten(world, before);
    expect(await forgetAll(world, head, store)).toEqual({ slots: [], removed: [], junk: [] });
  });

  it('is refused unless the newest decision is the revoke that was seen', async () => {
    const { world, head, store } = await revoked();
    const objects = await world.objects();
    const other = { digest: new Uint8Array(32).fill(7) };
    expect(await forgetAll(world, other, store).catch(codeOf)).toBe('head_moved');
    expect(await world.objects()).toEqual(objects);
    const { place } = await world.approve('again', head);
    for (const after of [head, place]) {
      expect(await forgetAll(world, after, store).catch(codeOf)).toBe('head_moved');
    }
    const fresh = makeWorld(under());
    expect(await forgetAll(fresh, head, store).catch(codeOf)).toBe('head_moved');
  });

  it('lets the node be approved anew, and forgotten again', async () => {
    const { world, head, store } = await revoked();
    await forgetAll(world, head, store);
    const { place } = await world.approve('again', head);
    expect((await world.shown())?.bundle).toBeDefined();
    const last = await world.next(world.request({ type: 'revoke', place }));
    expect((await forgetAll(world, last, store)).slots).toEqual([5]);
    expect((await world.history()).entries).toHaveLength(6);
  });

  it('shows the revoke before anything goes, where that was left undone', async () => {
    const { world, head, store } = await revoked();
    const object = await world.bucket.get(historyKey(world.node.id, 2), {
      maxBytes: MAX_ENTRY_BYTES,
    });
    const shown = (await world.bucket.head(approvedKey(world.node.id)))!;
    await world.bucket.replace(approvedKey(world.node.id), object!.body, shown.etag);
    await forgetAll(world, head, store);
    expect((await world.shown())?.statement.type).toBe('revoke');
  });

  it.each<Fault>(['crash before', 'crash after', 'lost, done', 'lost, not done', 'unavailable'])(
    'goes on after %s in any of its calls, and every record between verifies',
    { tags: 'long' },
    async (fault) => {
      for (let n = 1, wasLast = false; !wasLast; n++) {
        const { world, head, store } = await revoked();
        const before = await world.history();
        let calls = 0;
        const faulty = faultyStore(store, ({ index }) => {
          calls = index;
          return index === n ? fault : undefined;
        });
        await forgetAll(world, head, faulty).catch((error: unknown) => {
          if (!(error instanceof Crash)) codeOf(error);
        });
        wasLast = calls < n;
        expect((await world.history()).junk).toEqual([]);
        await forgetAll(world, head, store);
        await expectForgotten(world, before);
      }
    },
  );

  it('loses no approval, between any two of whose calls it comes', { tags: 'long' }, async () => {
    for (let n = 1, wasLast = false; !wasLast; n++) {
      const { world, head, store } = await revoked();
      const proposal = await world.propose('again');
      const request = world.request({ type: 'approve', place: head, proposal });
      let calls = 0;
      const during = faultyStore(world.store, async ({ index }) => {
        calls = index;
        if (index === n) await forgetAll(world, head, store).catch(codeOf);
        return undefined;
      });
      const outcome: unknown = await world.decide(request, during).catch(codeOf);
      wasLast = calls < n;
      const { inForce, junk } = await world.history();
      expect(junk).toEqual([]);
      // It is in force with its bundle, or was refused and nothing is.
      if (typeof outcome === 'string') expect(inForce?.frame.statement.type).toBe('revoke');
      else expect(inForce?.frame.bundle).toBeDefined();
    }
  });
}
