import { defineConfig } from 'vitest/config';

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
          globalSetup: ['tests/support/minio-setup.ts', 'tests/support/commands-setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
