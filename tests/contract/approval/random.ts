import { it } from 'vitest';
import { seedOfRun } from '../../support/random.ts';
import { torture } from '../../torture/torture.ts';
import type { StoreUnderTest } from './world.ts';

const OPERATIONS = 300;

/** Everything at once, with faults and somebody who writes the bucket; then the promises. */
export function randomContract(under: () => StoreUnderTest): void {
  it(`keeps its promises through ${OPERATIONS} operations at random`, async () => {
    await torture({
      ...{ seed: seedOfRun(), operations: OPERATIONS, operationsPerGeneration: OPERATIONS },
      open: async () => under(),
    });
  });
}
