import { defineConfig } from 'vitest/config';
import { TEST_MILLISECONDS } from '../support/limits.ts';

/** `npm run test:nfs`: a server of NFS on this machine, and two emulated machines with the kernel's client. */
export default defineConfig({
  test: {
    include: ['tests/nfs/*.nfs.ts'],
    fileParallelism: false,
    testTimeout: TEST_MILLISECONDS,
    hookTimeout: TEST_MILLISECONDS,
    reporters: ['./tests/support/reporter.ts'],
  },
});
