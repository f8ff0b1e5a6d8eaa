// @module-tag long
import { describe, expect, it } from 'vitest';
import { describeWith } from '../support/components.ts';
import { freshBucket } from '../support/minio.ts';
import { Random } from '../support/random.ts';
import { BROKEN_ENGINES, BROKEN_STORES, SIGNS } from './broken.ts';
import { folderStage, memoryStage, wiredStages } from './stages.ts';
import type { Stage } from './stage.ts';
import { torture } from './torture.ts';

/** The same each time: `npm run torture` draws new ones. */
const SEED = Number(process.env['COATCHECK_SEED'] ?? 1);
/** Every broken part below is noticed long before; with one seed always at the same operation. */
const UNTIL_NOTICED = { seed: 1, operations: 30_000, faultRate: 0.1 };
const inMemory = async (): Promise<Stage> => memoryStage();

describe('the promises, through operations and faults at random', () => {
  it('hold on the memory store', async () => {
    await torture({ seed: SEED, operations: 2500, open: inMemory });
  });

  it('hold on the filesystem store', async () => {
    await torture({ seed: SEED, operations: 500, open: folderStage });
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
    await torture({ seed: SEED, operations: 300, open });
  });
});

describe('the judge', () => {
  for (const [what, breaks] of Object.entries(BROKEN_STORES)) {
    it(`notices a store ${what}`, async () => {
      const run = torture({ ...UNTIL_NOTICED, open: async () => memoryStage(breaks) });
      await expect(run).rejects.toThrow(SIGNS[what]);
    });
  }
  for (const [what, engine] of Object.entries(BROKEN_ENGINES)) {
    it(`notices an engine ${what}`, async () => {
      const run = torture({ ...UNTIL_NOTICED, open: inMemory, engine });
      await expect(run).rejects.toThrow(SIGNS[what]);
    });
  }
});
