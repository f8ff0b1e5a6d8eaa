import { defineConfig } from 'vitest/config';
import { TEST_MILLISECONDS } from '../support/limits.ts';

/** `npm run test:replicas`: three servers on a store of four machines, of which some die in a storm. */
export default defineConfig({
  test: {
    include: ['tests/replicas/*.replicas.ts'],
    globalSetup: ['tests/support/commands-setup.ts'],
    testTimeout: TEST_MILLISECONDS,
    hookTimeout: TEST_MILLISECONDS,
    reporters: ['./tests/support/reporter.ts'],
  },
});
