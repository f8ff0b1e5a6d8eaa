import { expect } from 'vitest';
import { verdictsOfWorker } from '../support/cloudflare/workers.ts';
import { itWith } from '../support/components.ts';
import { cases } from './suite.ts';
import { parseVector } from './vector.ts';

/** Opening what is sealed: no server does, and the runtime of Cloudflare has no X25519 in `node:crypto`. */
const OPENS = /^(?:open|report)_/;

itWith('wrangler', 'what a server judges has its verdict in the runtime of Cloudflare', async () => {
  const judged = cases.filter(({ name }) => !OPENS.test(name));
  const verdicts = await verdictsOfWorker(judged.map(({ name, text }) => [name, text] as const));
  const named = judged.map(({ name }, i) => [name, verdicts[i]]);
  expect(named).toEqual(judged.map(({ name, text }) => [name, parseVector(name, text).expect]));
});
