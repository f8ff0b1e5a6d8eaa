import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  scripts: Record<string, string>;
};

/** The folders that `npm run test:X` runs, by X. Whole machines, replicas, NFS and the whole fleet have commands of their own. */
const PARTS = Object.fromEntries(
  Object.entries(scripts)
    .filter(([name]) => /^test:(?!all|pxe|trust|replicas|nfs|fleet)/.test(name))
    .map(([name, command]) => [
      name,
      command.split(/\s+/).filter((word) => /^[a-z].*\//.test(word)),
    ]),
);
const FILES = readdirSync('.', { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && !/^(\.|node_modules$)/.test(entry.name))
  .flatMap(({ name }) =>
    readdirSync(name, { recursive: true, encoding: 'utf8' }).map((path) => join(name, path)),
  )
  .filter((path) => path.endsWith('.test.ts'));
const of = (folders: readonly string[]): string[] =>
  FILES.filter((path) => folders.some((folder) => path.startsWith(folder)));

describe('the tests of a part', () => {
  it('are all that there are', () => {
    const found = of(Object.values(PARTS).flat());
    expect(FILES.filter((path) => !found.includes(path))).toEqual([]);
  });

  it.each(Object.entries(PARTS))('%s: are there, and some run with `npm test`', (_, folders) => {
    expect(folders.filter((folder) => of([folder]).length === 0)).toEqual([]);
    // In two parts: Vitest looks for it anywhere in a file.
    const isLong = (path: string): boolean =>
      readFileSync(path, 'utf8').startsWith('// @module' + '-tag long\n');
    expect(of(folders).filter((path) => !isLong(path))).not.toEqual([]);
  });
});
