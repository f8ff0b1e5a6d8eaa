import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

it('there is a file for each numbered stage of docs/node.md', () => {
  const told = readFileSync('docs/node.md', 'utf8').matchAll(/^## (\d+)\. /gm);
  const files = readdirSync('agent/stages').filter((name) => /^\d.*(?<!\.test)\.ts$/.test(name));
  expect(files.map((name) => name.split('-')[0]).sort()).toEqual([...told].map(([, n]) => n));
});
