import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFilesystemStore } from '../../store/filesystem.ts';
import { guardStore } from '../../store/guard.ts';
import { createMemoryStore } from '../../store/memory.ts';
import type { ObjectStore } from '../../store/port.ts';
import { QUICK_WIRE_FAULTS, serveFaults } from '../support/fault-proxy.ts';
import type { WireFault } from '../support/fault-proxy.ts';
import type { Random } from '../support/random.ts';
import type { TestBucket } from '../support/s3-bucket.ts';
import type { Stage } from './stage.ts';

/** @param breakIt makes the engine's store out of the one that all the others use */
export function memoryStage(breakIt = (bucket: ObjectStore): ObjectStore => bucket): Stage {
  const bucket = createMemoryStore();
  return { bucket, store: guardStore(breakIt(bucket), 'admin') };
}

export async function folderStage(): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'coatcheck-torture-'));
  const bucket = await openFilesystemStore(folder, { create: true });
  return {
    bucket,
    store: guardStore(bucket, 'admin'),
    close: () => rm(folder, { recursive: true }),
  };
}

const WIRE_FAULT_RATE = 0.05;

/** Buckets of a real S3 server, each behind a proxy that a seed drives. */
export function wiredStages(
  newBucket: () => Promise<TestBucket>,
  random: Random,
): () => Promise<Stage> {
  return async () => {
    const bucket = await newBucket();
    let isCalm = false;
    const plan = (): WireFault | undefined =>
      !isCalm && random.chance(WIRE_FAULT_RATE) ? random.pick(QUICK_WIRE_FAULTS) : undefined;
    const proxy = await serveFaults(bucket.endpoint, plan, random);
    return {
      bucket: bucket.store('root'),
      store: bucket.store('admin', { endpoint: proxy.url }),
      wire: { settle: () => proxy.settle(), calm: () => void (isCalm = true) },
      close: () => proxy.close(),
    };
  };
}
