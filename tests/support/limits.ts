/**
 * How long the tests wait for one thing that is to happen, and how long a test may take (milliseconds):
 * what only a hang reaches, on a machine that is ten times slower too. No test asserts how fast
 * something is.
 */
export const WAIT_MILLISECONDS = 600_000;
export const TEST_MILLISECONDS = 3 * WAIT_MILLISECONDS;
