import { defineConfig } from 'vitest/config';
import { TEST_MILLISECONDS } from '../support/limits.ts';

/** `npm run test:trust`: whole machines under Secure Boot, one after another. */
export default defineConfig({
  test: {
    include: ['tests/trust/*.trust.ts'],
    fileParallelism: false,
    testTimeout: TEST_MILLISECONDS,
    hookTimeout: TEST_MILLISECONDS,
    reporters: ['./tests/support/reporter.ts'],
  },
});
