import { randomBytes } from 'node:crypto';
import { inject } from 'vitest';
import type { TestBucket } from './s3-bucket.ts';
import { makeBucket } from './versitygw-server.ts';
import type { Versitygw } from './versitygw-server.ts';

/** The versitygw of this run. Only inside `describeWith('versitygw', ...)` or `itWith`. */
export function runningVersitygw(): Versitygw {
  const versitygw = inject('versitygw');
  if ('missing' in versitygw) throw new Error(`no versitygw: ${versitygw.missing}`);
  return versitygw;
}

export function freshVersitygwBucket(): Promise<TestBucket> {
  return makeBucket(runningVersitygw(), `test-${randomBytes(8).toString('hex')}`);
}
