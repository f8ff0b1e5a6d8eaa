import { describe, expect, it } from 'vitest';
import { describeWith } from '../support/components.ts';
import { freshBucket } from '../support/minio.ts';
import { Random, seedOfRun } from '../support/random.ts';
import { BROKEN_ENGINES, BROKEN_STORES } from './broken.ts';
import { folderStage, memoryStage, wiredStages } from './stages.ts';
import { torture } from './torture.ts';
import type { TortureOptions } from './torture.ts';

const SEED = seedOfRun();
/** Enough for each broken part to be noticed; most are in the first hundred. */
const UNTIL_NOTICED = 30_000;
const inMemory = async () => memoryStage();

async function expectNoticed(options: Pick<TortureOptions, 'open' | 'engine'>, sign: RegExp) {
  await expect(torture({ seed: SEED, operations: UNTIL_NOTICED, ...options })).rejects.toThrow(
    sign,
  );
}

describe('the promises, through operations and faults at random', () => {
  it('hold on the memory store', async () => {
    await torture({ seed: SEED, operations: 7500, open: inMemory });
  });

  it('hold on the filesystem store', async () => {
    await torture({ seed: SEED, operations: 1500, open: folderStage });
  });

  it('are judged the same way again, step by step, with the same seed', async () => {
    const options = { seed: SEED, operations: 300, open: inMemory };
    const [once, again] = [await torture(options), await torture(options)];
    expect(again).toEqual(once);
  });
});

describeWith('minio', 'the promises, on a MinIO behind a bad wire', () => {
  it('hold', async () => {
    const open = wiredStages(() => freshBucket(), new Random(SEED));
    await torture({ seed: SEED, operations: 1000, open });
  });
});

describe('the judge', () => {
  for (const [what, breakIt] of Object.entries(BROKEN_STORES)) {
    it(`notices a store ${what}`, async () => {
      await expectNoticed({ open: async () => memoryStage(breakIt) }, /./);
    });
  }
  for (const [what, engine] of Object.entries(BROKEN_ENGINES)) {
    it(`notices an engine ${what}`, async () => {
      await expectNoticed({ open: inMemory, engine }, /./);
    });
  }
});
