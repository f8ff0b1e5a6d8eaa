import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const pages = readdirSync('docs').filter((name) => name.startsWith('assurance'));

describe.each(pages)('docs/%s', (name) => {
  const page = readFileSync(join('docs', name), 'utf8');

  it('names files that are there', () => {
    const named = page.match(/`[a-z-]+\/[\w./-]+(\.[a-z]+|\/)`/g) ?? [];
    const missing = named.map((code) => code.slice(1, -1)).filter((path) => !existsSync(path));
    expect(missing).toEqual([]);
  });

  it('links to pages that are there', () => {
    const links = [...page.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map(([, link]) => link!);
    expect(links.filter((link) => !existsSync(join('docs', link)))).toEqual([]);
  });
});
