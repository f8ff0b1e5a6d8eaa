import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { TEST_MILLISECONDS, WAIT_MILLISECONDS } from './tests/support/limits.ts';

/**
 * What takes long and is the same on every line of Node, so that running it on one is enough: the
 * searches, and the approval protocol on each server of S3. What it is made of runs on every line:
 * the protocol on the memory and folder stores, and the S3 store on each of the same servers.
 */
const proof = ['tests/{model,fuzz,torture}/**/*.test.ts', 'tests/contract/approval-*.test.ts'];

export default defineConfig({
  test: {
    reporters: ['./tests/support/reporter.ts'],
    // Most tests wait for another program most of the time.
    maxWorkers: availableParallelism() + 1,
    testTimeout: TEST_MILLISECONDS,
    hookTimeout: TEST_MILLISECONDS,
    expect: { poll: { timeout: WAIT_MILLISECONDS } },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: [
            '{bundle,protocol,net,usage,store,functions,agent,admin,cli,infra,local-minio,bench}/**/*.test.ts',
          ],
        },
      },
      {
        extends: true,
        test: {
          name: 'system',
          include: ['tests/**/*.test.ts'],
          exclude: proof,
          globalSetup: [
            'tests/support/minio-setup.ts',
            'tests/support/versitygw-setup.ts',
            'tests/support/commands-setup.ts',
          ],
        },
      },
      {
        extends: true,
        test: {
          name: 'proof',
          include: proof,
          globalSetup: ['tests/support/minio-setup.ts', 'tests/support/versitygw-setup.ts'],
        },
      },
    ],
  },
});
