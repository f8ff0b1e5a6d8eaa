import { expect, it } from 'vitest';
import type { ObjectStore } from '../../../store/port.ts';
import { Crash, faultyStore } from './faulty-store.ts';
import { expectDecidedOnce, SCENARIOS, WRITES } from './scenarios.ts';
import type { Prepare, Scenario } from './scenarios.ts';
import { holds } from './world.ts';
import type { StoreUnderTest, World } from './world.ts';

/** A process that dies at any call, and whatever comes after it. */
export function crashesContract(under: () => StoreUnderTest): void {
  for (const [title, prepare] of Object.entries<Prepare>(SCENARIOS)) {
    it(`loses nothing and decides nothing twice when ${title} dies after any call`, async () => {
      const calls = await forEveryCall(prepare, under, async ({ world, request }, before) => {
        const committed = holds(await world.history(), request);
        if (!committed) expect(await world.objects()).toEqual(before);
        await world.repair();
        await world.expectSettled();
        const retry = await world.decide(request);
        expect(retry.outcome).toBe(committed ? 'already' : 'decided');
        expect(retry.published).toBe(true);
        await expectDecidedOnce(world, request);
      });
      expect(calls).toBeGreaterThan(5);
    });
  }

  for (const [title, prepare] of WRITES) {
    it(`ends right when ${title} dies after any call and is only sent again`, async () => {
      await forEveryCall(prepare, under, async ({ world, request }) => {
        expect(await world.decide(request)).toMatchObject({ published: true });
        await expectDecidedOnce(world, request);
      });
    });

    it(`ends right when the answer to ${title} is lost`, async () => {
      const { world, request } = await prepare(under());
      const told = await world.decide(request);
      expect(await world.decide(request)).toEqual({ ...told, outcome: 'already' });
      await expectDecidedOnce(world, request);
    });

    it(`ends right when a repair after ${title} dies at any call`, async () => {
      for (let n = 1, crashed = true; crashed; n++) {
        const { world, request } = await prepare(under());
        const dying = faultyStore(world.store, ({ operation, key }) =>
          operation === 'create' && key.startsWith('history/') ? 'crash after' : undefined,
        );
        await expect(world.decide(request, dying)).rejects.toThrow(Crash);
        crashed = await dies(world.repair(crashAt(world, n)));
        await world.repair();
        await expectDecidedOnce(world, request);
      }
    });
  }

  it('publishes with the next decision what a crash left behind', async () => {
    const { world, request } = await SCENARIOS['an approval of another proposal'](under());
    const dying = faultyStore(world.store, ({ operation }) =>
      operation === 'create' ? 'crash after' : undefined,
    );
    await expect(world.decide(request, dying)).rejects.toThrow(Crash);
    const { digest, statement } = request.statement;
    const proposal = await world.propose('refused');
    const place = { digest, seq: statement.seq };
    await world.next(world.request({ type: 'reject', place, proposal }));
    expect((await world.shown())?.statementDigest).toEqual(digest);
  });
}

/** The store of a process that dies when its `n`th call is done. */
function crashAt(world: World, n: number): ObjectStore {
  return faultyStore(world.store, ({ index }) => (index === n ? 'crash after' : undefined));
}

async function dies(work: Promise<unknown>): Promise<boolean> {
  try {
    await work;
    return false;
  } catch (error) {
    if (error instanceof Crash) return true;
    throw error;
  }
}

/** Runs the decision once per call that it makes, dying there each time. */
async function forEveryCall(
  prepare: Prepare,
  under: () => StoreUnderTest,
  then: (scenario: Scenario, before: Record<string, string>) => Promise<void>,
): Promise<number> {
  for (let n = 1; ; n++) {
    const scenario = await prepare(under());
    const { world, request } = scenario;
    const before = await world.objects();
    if (!(await dies(world.decide(request, crashAt(world, n))))) return n - 1;
    await then(scenario, before);
  }
}
