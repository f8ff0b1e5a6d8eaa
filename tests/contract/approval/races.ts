import { expect, it } from 'vitest';
import { digestHex } from '../../../protocol/keys.ts';
import type { DecisionOutcome } from '../../../functions/approval/decide.ts';
import type { DecisionRequest } from '../../../functions/approval/demands.ts';
import { faultyStore } from './faulty-store.ts';
import { expectRefused, holds, makeWorld, refusalOf } from './world.ts';
import type { StoreUnderTest, World } from './world.ts';

/** Several at work at once: exactly one decision follows each head, and nobody is told otherwise. */
export function racesContract(under: () => StoreUnderTest): void {
  it('lets exactly one of many racing decisions win, and tells the others which', async () => {
    const world = makeWorld(under());
    const { place } = await world.approve('a');
    const requests: DecisionRequest[] = [];
    for (let i = 0; i < 8; i++) {
      const proposal = await world.propose(`racer ${i}`);
      const type = i % 3 === 0 ? 'reject' : 'approve';
      const more = { seq: place.seq + 1 + (i % 4) };
      requests.push(world.request({ type, place, proposal, more }));
    }
    requests.push(world.request({ type: 'revoke', place }));
    const { winners, losers } = await race(world, requests);
    expect(winners).toHaveLength(1);
    const head = winners[0]!.request.statement;
    for (const { error } of losers) {
      expect(error).toMatchObject({
        code: 'head_moved',
        details: { head: digestHex(head.digest), seq: head.statement.seq },
      });
    }
    await world.repair();
    expect((await world.expectSettled()).entries).toHaveLength(2);
  });

  it('lets one of two first approvals win', async () => {
    const world = makeWorld(under());
    const requests = [
      world.request({ type: 'approve', proposal: await world.propose('a') }),
      world.request({ type: 'approve', proposal: await world.propose('b') }),
    ];
    const { winners, losers } = await race(world, requests);
    expect([winners.length, losers.length]).toEqual([1, 1]);
    await world.expectSettled();
  });

  it('decides approve against reject of the same proposal once', async () => {
    const seen = new Set<string>();
    for (let round = 0; round < 6; round++) {
      const world = makeWorld(under());
      const proposal = await world.propose('a');
      const requests = [
        world.request({ type: 'approve', proposal }),
        world.request({ type: 'reject', proposal }),
      ];
      if (round % 2 === 1) requests.reverse();
      const { winners, losers } = await race(world, requests);
      expect([winners.length, losers[0]?.error.code]).toEqual([1, 'head_moved']);
      const { type } = winners[0]!.request.statement.statement;
      seen.add(type);
      const history = await world.expectSettled();
      expect(history.inForce === undefined).toBe(type === 'reject');
      expect((await world.rejection(proposal.digest)) === undefined).toBe(type === 'approve');
    }
    expect(seen.size).toBeGreaterThan(0);
  });

  it('answers the same request twice at once with one decision', async () => {
    const world = makeWorld(under());
    const request = world.request({ type: 'approve', proposal: await world.propose('a') });
    const outcomes = await Promise.all([1, 2, 3, 4].map(() => world.decide(request)));
    expect(new Set(outcomes.map(({ slot }) => slot))).toEqual(new Set([1]));
    expect(outcomes.filter(({ outcome }) => outcome === 'decided')).toHaveLength(1);
    await world.expectSettled();
  });

  it('lets repairs run beside decisions', async () => {
    const world = makeWorld(under());
    let { place } = await world.approve('a');
    for (let i = 0; i < 4; i++) {
      const proposal = await world.propose(`next ${i}`);
      const type = i % 2 === 0 ? 'approve' : 'reject';
      const request = world.request({ type, place, proposal });
      await Promise.all([world.decide(request), world.repair(), world.repair()]);
      place = { digest: request.statement.digest, seq: request.statement.statement.seq };
    }
    await world.repair();
    expect((await world.expectSettled()).entries).toHaveLength(5);
  });

  it('lets two tools meet of which one remembers more than the store shows', async () => {
    const world = makeWorld(under());
    const { place } = await world.approve('a');
    const forgetful = world.request({ type: 'revoke', place });
    const remembering = world.request({ type: 'revoke', place, more: { seq: 900, reason: 'r' } });
    const { winners, losers } = await race(world, [forgetful, remembering]);
    expect(winners).toHaveLength(1);
    const head = winners[0]!.request.statement;
    expect(losers[0]?.error).toMatchObject({ code: 'head_moved' });
    // Whichever won, the loser reviews again and gets through.
    const again = { digest: head.digest, seq: head.statement.seq };
    await world.next(world.request({ type: 'reconfigure', place: again }));
    await world.expectSettled();
  });

  const victims: Record<string, (world: World) => Promise<Stalled>> = {
    'an approval': async (world) => {
      const { place } = await world.approve('before');
      const proposal = await world.propose('stalled');
      return { place, request: world.request({ type: 'approve', place, proposal }) };
    },
    'a first approval': async (world) => {
      const proposal = await world.propose('stalled');
      return { request: world.request({ type: 'approve', proposal }) };
    },
    'a rejection': async (world) => {
      const { place } = await world.approve('before');
      const proposal = await world.propose('stalled');
      return { place, request: world.request({ type: 'reject', place, proposal }) };
    },
    'a rollback': async (world) => {
      const one = await world.approve('older');
      const { place } = await world.approve('before', one.place);
      const wish = { type: 'rollback', place, proposal: one.proposal } as const;
      return { place, request: world.request({ ...wish, from: { slot: 1 } }) };
    },
  };

  for (const [title, prepare] of Object.entries(victims)) {
    it(`bears ${title} that stalls before any call while others decide`, async () => {
      let calls = 0;
      for (let n = 1; calls === 0 || n <= calls; n++) {
        const world = makeWorld(under());
        const stalled = await prepare(world);
        const stall = stallAt(world, n);
        const running = settled(world.decide(stalled.request, stall.store));
        const reached = await Promise.race([stall.reached, running.then(() => false)]);
        if (!reached) {
          calls = stall.calls();
          break;
        }
        await expectTwoMore(world, stalled);
        stall.resume();
        await expectTruth(world, stalled.request, await running);
      }
      expect(calls).toBeGreaterThan(5);
    });
  }

  it('bears a repair that stalls at any call while others decide', async () => {
    let finished = false;
    for (let n = 1; !finished; n++) {
      const world = makeWorld(under());
      const { place } = await world.approve('before');
      const proposal = await world.propose('refused');
      const reject = world.request({ type: 'reject', place, proposal });
      await world.next(reject);
      await world.upload(proposal);
      const stall = stallAt(world, n);
      const running = world.repair(stall.store);
      finished = !(await Promise.race([stall.reached, running.then(() => false)]));
      const { statement } = reject;
      const after = { digest: statement.digest, seq: statement.statement.seq };
      await world.approve('later', after);
      stall.resume();
      // It may show what is newer than what it read, and then says so.
      expect((await running).published).toBe(true);
      await world.expectSettled();
    }
  });
}

interface Stalled {
  readonly request: DecisionRequest;
  readonly place?: { digest: Uint8Array; seq: number };
}

/** Lets another decision at the same place pass, and one after it, whoever was first. */
async function expectTwoMore(world: World, { place, request }: Stalled): Promise<void> {
  const rival = world.request({
    type: 'revoke',
    ...(place && { place }),
    more: { reason: 'rival' },
  });
  const isCommitted = holds(await world.history(), request);
  if (isCommitted) await expectRefused(world, rival, 'head_moved');
  else await world.next(rival);
  const { digest, statement } = isCommitted ? request.statement : rival.statement;
  await world.approve('one more', { digest, seq: statement.seq });
}

/** What the stalled one was told is what happened, and what is shown is the newest. */
async function expectTruth(world: World, request: DecisionRequest, told: Told): Promise<void> {
  const isCommitted = holds(await world.history(), request);
  if (isCommitted) expect(told.outcome).toMatchObject({ outcome: 'decided', published: true });
  else expect(told.error?.code).toBe('head_moved');
  await world.repair();
  await world.expectSettled();
}

interface Told {
  readonly outcome?: DecisionOutcome;
  readonly error?: Awaited<ReturnType<typeof refusalOf>>;
}

async function settled(decision: Promise<DecisionOutcome>): Promise<Told> {
  const result = await Promise.allSettled([decision]);
  return result[0].status === 'fulfilled'
    ? { outcome: result[0].value }
    : { error: await refusalOf(decision) };
}

/** The store of a worker that stops before its `n`th call until it is told to go on. */
function stallAt(world: World, n: number) {
  let calls = 0;
  const reached = makeGate();
  const gate = makeGate();
  const store = faultyStore(world.store, async ({ index }) => {
    calls = index;
    if (index === n) {
      reached.open();
      await gate.opened;
    }
    return undefined;
  });
  return { store, reached: reached.opened, resume: gate.open, calls: () => calls };
}

function makeGate() {
  let open = (): void => undefined;
  const opened = new Promise<true>((resolve) => {
    open = () => resolve(true);
  });
  return { opened, open };
}

async function race(world: World, requests: readonly DecisionRequest[]) {
  const told = await Promise.all(
    requests.map(async (request) => ({ request, ...(await settled(world.decide(request))) })),
  );
  const winners = told.flatMap(({ request, outcome }) => (outcome ? [{ request, outcome }] : []));
  const losers = told.flatMap(({ request, error }) => (error ? [{ request, error }] : []));
  return { winners, losers };
}
