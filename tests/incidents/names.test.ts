import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

/** `incident | file: promise` of each suite that is named after an incident. */
const suites = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.test.ts') && file !== 'names.test.ts')
  .flatMap((file) => {
    const text = readFileSync(join(import.meta.dirname, file), 'utf8');
    const titles = [...text.matchAll(/^describe\((['"])(.*?): (.*)\1,/gm)];
    expect(titles, file).not.toEqual([]);
    return titles.map(([, , incident, promise]) => `${incident!} | ${file}: ${promise!}`);
  });

it('docs/assurance-incidents.md has a row for each incident that a suite is named after', () => {
  const rows = readFileSync('docs/assurance-incidents.md', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| ') && line.includes('.test.ts`: '))
    .map((line) => {
      const cells = line.split('|').map((cell) => cell.trim());
      return `${cells[1]!} | ${cells.at(-2)!.replaceAll('`', '')}`;
    });
  expect(rows.toSorted()).toEqual(suites.toSorted());
});
