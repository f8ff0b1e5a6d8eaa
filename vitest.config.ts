import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { TEST_MILLISECONDS, WAIT_MILLISECONDS } from './tests/support/limits.ts';

export default defineConfig({
  test: {
    tags: [
      {
        name: 'long',
        description:
          'a search, another server of the same kind, every place where something can break',
      },
    ],
    reporters: ['./tests/support/reporter.ts'],
    // Most tests wait for another program most of the time.
    maxWorkers: availableParallelism() + 2,
    // A try more in CI, which names what needed it (docs/adr/0267-a-second-try-is-named.md).
    retry: Number(process.env.COATCHECK_TRIES ?? 1) - 1,
    testTimeout: TEST_MILLISECONDS,
    hookTimeout: TEST_MILLISECONDS,
    expect: { poll: { timeout: WAIT_MILLISECONDS } },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['**/*.test.ts'],
          exclude: ['tests/**', '**/node_modules/**'],
        },
      },
      {
        extends: true,
        test: {
          name: 'system',
          include: ['tests/**/*.test.ts'],
          globalSetup: [
            'tests/support/minio-setup.ts',
            'tests/support/versitygw-setup.ts',
            'tests/support/commands-setup.ts',
          ],
        },
      },
    ],
  },
});
