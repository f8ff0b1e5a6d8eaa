import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { costPage } from '../../scripts/cost.ts';
import { PRICES } from '../../scripts/prices.ts';

it('docs/cost.md has what the script computes, and says each price', async () => {
  const text = readFileSync('docs/cost.md', 'utf8');
  expect(text, 'npm run cost').toBe(await costPage());
  for (const price of Object.values(PRICES)) {
    expect(text).toMatch(new RegExp(`[| ]${String(price).replace('.', '\\.')}0{0,2}[ ,]`));
  }
});
