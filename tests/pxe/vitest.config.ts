import { defineConfig } from 'vitest/config';
import { TEST_MILLISECONDS } from '../support/limits.ts';

/** `npm run test:pxe`: whole machines, one after another. */
export default defineConfig({
  test: {
    include: ['tests/pxe/*.pxe.ts'],
    fileParallelism: false,
    testTimeout: TEST_MILLISECONDS,
    hookTimeout: TEST_MILLISECONDS,
    reporters: ['./tests/support/reporter.ts'],
  },
});
