import { expect, it } from 'vitest';
import { sha256 } from '#platform';
import { repair, settleDecided } from '../../../functions/approval/repair.ts';
import { codeOf } from '../../../protocol/errors.ts';
import { digestHex, pendingKey } from '../../../protocol/keys.ts';
import { putObject } from '../../../protocol/objects.ts';
import type { TestProposal } from '../../support/site.ts';
import { faultyStore } from './faulty-store.ts';
import { expectDecidedOnce, SCENARIOS } from './scenarios.ts';
import { expectRefused, makeWorld } from './world.ts';
import type { StoreUnderTest, World } from './world.ts';

/** The URL of an upload is good for minutes: whoever has it may use it again after the decision. */
export function reusedUrlContract(under: () => StoreUnderTest): void {
  it('takes nothing while the proposal waits, and brings it back once it is decided', async () => {
    const world = makeWorld(under());
    const proposal = await world.propose('a');
    const upload = await uploader(world, proposal);
    expect(await upload()).toBe('already_exists');
    await world.next(world.request({ type: 'approve', proposal }));
    expect(await upload()).toBe('done');
    expect(await upload()).toBe('already_exists');
  });

  it('decides nothing again: it is hidden, refused, and cleared away', async () => {
    for (const type of ['approve', 'reject'] as const) {
      const world = makeWorld(under());
      const { place } = await world.approve('before');
      const proposal = await world.propose('a');
      const upload = await uploader(world, proposal);
      const request = world.request({ type, place, proposal });
      const next = await world.next(request);
      const shown = await world.shown();

      expect(await upload()).toBe('done');
      for (const second of ['approve', 'reject'] as const) {
        const inForce = type === 'approve' && second === 'reject';
        const again = world.request({ type: second, place: next, proposal });
        await expectRefused(world, again, inForce ? 'in_force' : 'already_decided');
      }
      expect(await world.shown()).toEqual(shown);
      const digest = digestHex(proposal.digest);
      const record = { store: world.store, site: world.site, node: world.node.id };
      expect(await settleDecided(record, [digest])).toEqual(new Set([digest]));
      expect(await world.bucket.head(pendingKey(world.node.id, digest))).toBeUndefined();

      expect(await upload()).toBe('done');
      expect((await repair(record)).cleaned).toHaveLength(1);
      await expectDecidedOnce(world, request);
    }
  });

  it('changes nothing when it is used between any two calls of the decision', async () => {
    for (const title of ['an approval of another proposal', 'a rejection'] as const) {
      for (let n = 1, used = true; used; n++) {
        const { world, request } = await SCENARIOS[title](under());
        const { digest } = request.statement.statement;
        const waiting = await world.bucket.get(pendingKey(world.node.id, digestHex(digest)), {
          maxBytes: 1e6,
        });
        const upload = await uploader(world, { digest, bytes: waiting!.body });
        used = false;
        const store = faultyStore(world.store, async ({ index }) => {
          // The one before took effect, so that the last of them finds the proposal gone.
          if (index < n) return undefined;
          used ||= index === n;
          await upload();
          return undefined;
        });
        expect(await world.decide(request, store)).toMatchObject({ outcome: 'decided' });
        await upload();
        await world.repair();
        await expectDecidedOnce(world, request);
      }
    }
  });
}

/** Asks for the URL once, and uses it each time that it is called. */
async function uploader(
  { uploads, node }: World,
  { digest, bytes }: TestProposal,
): Promise<() => Promise<string>> {
  const { signer, fetch } = uploads;
  const put = await signer.signPut(pendingKey(node.id, digestHex(digest)), {
    size: bytes.length,
    sha256: sha256(bytes),
    expiresInSeconds: 300,
  });
  const send = () => putObject(put, bytes, { timeoutSeconds: 300, fetch });
  return () => send().then(() => 'done', codeOf);
}
