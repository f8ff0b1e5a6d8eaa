import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { PROGRAM } from '../../cli/program.ts';
import { parse } from '../../usage/parse.ts';

const page = readFileSync(new URL('../../docs/admin.md', import.meta.url), 'utf8');

/** The lines of a transcript that somebody types, without their comments: `ada$ coatcheck ...`. */
const typed = [...page.matchAll(/^(?:[a-z0-9]+)?\$ (coatcheck .*)$/gm)].map(([, line]) => line!);

/** The words of a line as a shell takes them. */
const wordsOf = (line: string): string[] =>
  [...line.replace(/ +#.*$/, '').matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => {
    return quoted ?? plain!;
  });

it('has commands to type', () => {
  expect(typed.length).toBeGreaterThan(20);
});

it.each([...new Set(typed)])('%s is a command that there is', (line) => {
  const parsed = parse(PROGRAM, wordsOf(line).slice(1));
  expect('unfinished' in parsed ? String(parsed.unfinished) : 'whole').toBe('whole');
});
