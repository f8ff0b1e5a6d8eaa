import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { PROGRAM as AGENT } from '../../agent/program.ts';
import { partsOf } from '../../usage/table.ts';
import type { Option } from '../../usage/table.ts';
import { BUNDLE_ERROR_CODES } from '../../bundle/errors.ts';
import { PROGRAM as CLI } from '../../cli/program.ts';
import { CREDENTIALS, PERMISSIONS } from '../../protocol/permissions.ts';
import { ERRORS, EXIT } from '../../protocol/errors.ts';

const page = readFileSync('docs/config.md', 'utf8');

/** The cells of every table row of a section, without its head. */
function rows(heading: string): string[][] {
  const start = page.indexOf(`\n${heading}\n`);
  expect(start, heading).toBeGreaterThan(0);
  const section = page.slice(start + heading.length + 2).split(/\n#{2,3} /)[0]!;
  return section
    .split('\n')
    .filter((line) => line.startsWith('|') && !/^[- |]+$/.test(line))
    .slice(1)
    .map((line) =>
      line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

const code = (cell: string): string => cell.replace(/^`|`$/g, '');

interface Table {
  readonly options: readonly Option[];
  readonly commands: readonly { readonly usage: string; readonly options?: readonly Option[] }[];
}

/** `command --flags env default` of every option of a program. */
function optionsOf({ options: common, commands }: Table): string[] {
  const all = [
    { path: 'all', options: common },
    ...commands.map((command) => ({
      path: partsOf(command).words.join(' '),
      options: command.options ?? [],
    })),
  ];
  return all
    .flatMap(({ path, options }) =>
      options.map(({ name, value, env = '', default: given = '' }) =>
        [path, value === undefined ? `--${name}` : `--${name} ${value}`, env, given].join(' | '),
      ),
    )
    .sort();
}

function optionsInPage(heading: string): string[] {
  return rows(heading)
    .flatMap(([commands, option, env, given]) =>
      commands!
        .split(', ')
        .map((command) => [code(command), code(option!), code(env!), code(given!)].join(' | ')),
    )
    .sort();
}

describe('docs/config.md', () => {
  it('has every option of coatcheck, with its environment variable and default', () => {
    expect(optionsInPage('## `coatcheck`')).toEqual(optionsOf(CLI));
  });

  it('has every option of coatcheck-agent', () => {
    expect(optionsInPage('## `coatcheck-agent`')).toEqual(optionsOf(AGENT));
  });

  it.each([
    ['coatcheck', CLI],
    ['coatcheck-agent', AGENT],
  ])('names every command of %s', (name, { commands }: Table) => {
    const section = page.split(`\n## \`${name}\`\n`)[1]!.split('\n## ')[0]!;
    for (const command of commands) {
      expect(section).toMatch(`\`${partsOf(command).words.join(' ')}`);
    }
  });

  it('has an example for every option, which uses it', () => {
    for (const heading of ['## `coatcheck`', '## `coatcheck-agent`']) {
      for (const [, option, , , example] of rows(heading)) {
        expect(example).toContain(code(option!).split(' ')[0]);
      }
    }
  });

  it('has every environment variable that the code reads', () => {
    const listed = rows('## Environment').map(([name]) => code(name!));
    const used = ['agent', 'cli', 'functions', 'store', 'local-minio', 'tests']
      .flatMap((folder) =>
        readdirSync(folder, { recursive: true, encoding: 'utf8' }).map(
          (file) => `${folder}/${file}`,
        ),
      )
      .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
      .flatMap(
        (file) =>
          readFileSync(file, 'utf8').match(
            /\b(COATCHECK_[A-Z0-9_]+|NO_COLOR|XDG_RUNTIME_DIR)\b/g,
          ) ?? [],
      );
    expect([...listed].sort()).toEqual([...new Set(used)].sort());
  });

  it('has the exit codes of the code, with every error that ends with each', () => {
    const format: readonly string[] = BUNDLE_ERROR_CODES;
    const expected = Object.entries(EXIT).map(([name, exit]) => [
      String(exit),
      name,
      Object.entries(ERRORS)
        .filter(([error, row]) => row.exit === exit && !format.includes(error))
        .map(([error]) => error)
        .sort(),
    ]);
    const listed = rows('## Exit codes').map(([exit, name, , errors]) => [
      exit,
      name,
      (errors!.match(/`[a-z_0-9]+`/g) ?? []).map(code).sort(),
    ]);
    expect(listed).toEqual(expected);
    for (const error of BUNDLE_ERROR_CODES) expect(ERRORS[error].exit).toBe(EXIT.refused);
  });

  it('has the rights of the credentials', () => {
    const listed = rows('### Credentials');
    for (const credential of CREDENTIALS) {
      const row = listed.find(([name]) => code(name!) === credential)!;
      const { get, put, delete: remove, list } = PERMISSIONS[credential];
      [get, put, remove, list].forEach((prefixes, column) => {
        const cell = row[column + 1]!;
        if (prefixes === 'bucket') expect(cell).toBe('the bucket');
        else expect((cell.match(/`[a-z]+`/g) ?? []).map(code)).toEqual([...prefixes]);
      });
    }
  });
});
