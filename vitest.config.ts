import { defineConfig } from 'vitest/config';

/** Long searches: the same on every line of Node, so that running them on one is enough. */
const proof = 'tests/{model,fuzz,torture}/**/*.test.ts';

export default defineConfig({
  test: {
    reporters: ['./tests/support/reporter.ts'],
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: [
            '{bundle,protocol,store,functions,agent,cli,infra,local-minio,bench}/**/*.test.ts',
          ],
        },
      },
      {
        extends: true,
        test: {
          name: 'system',
          include: ['tests/**/*.test.ts'],
          exclude: [proof],
          globalSetup: [
            'tests/support/minio-setup.ts',
            'tests/support/versitygw-setup.ts',
            'tests/support/commands-setup.ts',
          ],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'proof',
          include: [proof],
          globalSetup: ['tests/support/minio-setup.ts'],
          testTimeout: 600_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
