import { statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, inject, it } from 'vitest';

/** Bytes. What rides in every machine's image does not grow unnoticed (docs/adr/0144). */
const MOST = 384 * 1024;

it('the agent is one file of at most 384 KiB', () => {
  expect(statSync(join(inject('commands'), 'coatcheck-agent.mjs')).size).toBeLessThanOrEqual(MOST);
});
