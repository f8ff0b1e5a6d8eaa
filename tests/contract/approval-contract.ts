import { beforeEach, describe } from 'vitest';
import { listAll } from '../../store/port.ts';
import { bucketWriterContract } from './approval/bucket-writer.ts';
import { cosignedContract } from './approval/cosigned.ts';
import { crashesContract } from './approval/crashes.ts';
import { decisionsContract } from './approval/decisions.ts';
import { failingStoreContract } from './approval/failing-store.ts';
import { forgottenContract } from './approval/forgotten.ts';
import { keysetsContract } from './approval/keysets.ts';
import { listingsContract } from './approval/listings.ts';
import { ownApprovalsContract } from './approval/own-approvals.ts';
import { racesContract } from './approval/races.ts';
import { randomContract } from './approval/random.ts';
import { restoredContract } from './approval/restored.ts';
import { withdrawnContract } from './approval/withdrawn.ts';
import { reusedUrlContract } from './approval/reused-url.ts';
import type { StoreUnderTest } from './approval/world.ts';

export type { StoreUnderTest } from './approval/world.ts';

/**
 * The promises of the approval protocol (docs/approval.md), on a store.
 *
 * @param open makes the store, once; each test works on nodes of its own
 * @param searches whether to look at every place where a decision can break, too, which takes thousands of requests
 */
export function approvalContract(
  open: () => Promise<StoreUnderTest>,
  { searches = true } = {},
): void {
  let opened: Promise<StoreUnderTest> | undefined;
  let current: StoreUnderTest;
  const under = (): StoreUnderTest => current;

  beforeEach(async () => {
    current = await (opened ??= open());
    for await (const { key } of listAll(current.bucket, 'keysets/')) {
      await current.bucket.delete(key);
    }
  });

  describe('decisions', () => decisionsContract(under));
  describe("a node's own approvals", () => ownApprovalsContract(under));
  if (searches) describe('crashes', { tags: 'long' }, () => crashesContract(under));
  describe('a failing store', () => failingStoreContract(under));
  describe('somebody who writes the bucket', () => bucketWriterContract(under));
  describe('a PUT URL used again', () => reusedUrlContract(under));
  describe('what its maker takes back', () => withdrawnContract(under));
  describe('a node that is forgotten', () => forgottenContract(under));
  describe('an older copy put back', () => restoredContract(under));
  describe('a decision that lacks signatures', () => cosignedContract(under));
  describe('keysets', () => keysetsContract(under));
  describe('listings', () => listingsContract(under));
  describe('races', () => racesContract(under));
  if (searches) describe('everything at once', { tags: 'long' }, () => randomContract(under));
}
