import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import stringWidth from 'string-width';
import { describe, expect, it, vi } from 'vitest';
import { fail } from '../protocol/errors.ts';
import { onlyMatch } from '../admin/find.ts';
import { homeAt } from './home.ts';
import { storePlace } from '../functions/stores/kinds.ts';
import { withTemporaryFolder } from '../tests/support/temporary-folder.ts';
import { fold } from './fold.ts';
import { page } from './pager.ts';
import { table, tableWithin } from './table.ts';
import { reportError } from './report-error.ts';
import { createTerminal } from './terminal.ts';
import type { Streams } from './terminal.ts';

function streams(options: { isTTY: boolean; env?: Record<string, string> }) {
  let out = '';
  let err = '';
  const { isTTY, env = {} } = options;
  const given: Streams = {
    stdin: { isTTY },
    stdout: { isTTY, write: (text) => (out += text) },
    stderr: { isTTY, write: (text) => (err += text) },
    env,
  };
  return { given, read: () => ({ out, err }) };
}

describe('the terminal', () => {
  it('keeps results on stdout and everything else on stderr', () => {
    const { given, read } = streams({ isTTY: false });
    const terminal = createTerminal(given, { json: false });
    terminal.print('result');
    terminal.hint('next');
    terminal.warn('careful');
    terminal.document({ not: 'shown' });
    expect(read()).toEqual({ out: 'result\n', err: 'next\nwarning: careful\n' });
  });
  it('prints the document and nothing else on stdout in JSON mode', () => {
    const { given, read } = streams({ isTTY: false });
    const terminal = createTerminal(given, { json: true });
    terminal.print('result');
    terminal.hint('next');
    terminal.document({ a: '\u202e' });
    expect(read()).toEqual({ out: '{\n  "a": "\\u202e"\n}\n', err: '' });
  });
  it('keeps warnings for the one document on stderr in JSON mode', () => {
    const { given, read } = streams({ isTTY: false });
    const warnings: string[] = [];
    const terminal = createTerminal(given, { json: true, warnings });
    terminal.warn('careful');
    expect([read().err, warnings]).toEqual(['', ['careful']]);
    reportError(fail('rejected', 'no'), given, { json: true, warnings });
    expect(JSON.parse(read().err)).toEqual({
      error: { code: 'rejected', message: 'no', details: {} },
      warnings: ['careful'],
    });
  });
  it('lets no warning, hint, result or error forge the next row of a terminal', () => {
    const forged = `${'x'.repeat(31)}~ etc/motd  mode 0644, 2 bytes`;
    const { given, read } = streams({ isTTY: true, env: { NO_COLOR: '1' } });
    const stderr = Object.assign(given.stderr, { columns: 40 });
    const stdout = Object.assign(given.stdout, { columns: 40 });
    const terminal = createTerminal({ ...given, stderr, stdout }, { json: false });
    terminal.warn(forged);
    terminal.hint(`         ${forged}`);
    terminal.print(`         ${forged}`);
    reportError(fail('rejected', forged), { stderr }, { json: false, fold });
    const rows = `${read().err}${read().out}`.split('\n');
    expect(rows.filter((row) => row.startsWith('~'))).toEqual([]);
    expect(rows.filter((row) => row.startsWith('    > '))).toHaveLength(7);
    expect(rows.every((row) => row.length <= 40)).toBe(true);
  });
  it.each([
    [{ isTTY: true }, true],
    [{ isTTY: false }, false],
    [{ isTTY: true, env: { NO_COLOR: '1' } }, false],
    [{ isTTY: true, env: { NO_COLOR: '' } }, true],
    [{ isTTY: true, env: { TERM: 'dumb' } }, false],
  ])('colours %j: %s', (options, coloured) => {
    const { style } = createTerminal(streams(options).given, { json: false });
    expect(style.red('x') !== 'x').toBe(coloured);
  });
  it('shows that it waits where somebody looks, and clears the line', async () => {
    const { given, read } = streams({ isTTY: true });
    const work = () => new Promise((resolve) => setTimeout(resolve, 200, 7));
    expect(await createTerminal(given, { json: false }).waiting('asking', work)).toBe(7);
    expect(read().err).toMatch(/asking.*\r\x1b\[K$/s);
    expect(read().out).toBe('');
    const silent = streams({ isTTY: false });
    await createTerminal(silent.given, { json: false }).waiting('asking', work);
    expect(silent.read().err).toBe('');
  });
  it('says what it says meanwhile in a line of its own', async () => {
    const { given, read } = streams({ isTTY: true });
    const terminal = createTerminal(given, { json: false });
    await terminal.waiting('asking', async () => {
      await vi.waitFor(() => expect(read().err).toMatch(/asking$/), { timeout: 10_000 });
      terminal.hint('one of two');
    });
    expect(read().err).toMatch(/asking\r\x1b\[K[^\r]*one of two[^\r]*\n/);
  });
  it('says an error in one escaped line with its code, and knows its exit code', () => {
    const { given, read } = streams({ isTTY: false });
    const error = fail('head_moved', 'somebody\n\x1b[2J decided');
    expect(reportError(error, given, { json: false })).toBe(4);
    expect(read().err).toBe('coatcheck: somebody<U+000A><U+001B>[2J decided [head_moved]\n');
  });
  it('says an error as JSON', () => {
    const { given, read } = streams({ isTTY: false });
    const error = fail('rejected', 'no', { details: { digest: 'abc' } });
    expect(reportError(error, given, { json: true })).toBe(8);
    expect(JSON.parse(read().err)).toEqual({
      error: { code: 'rejected', message: 'no', details: { digest: 'abc' } },
    });
  });
  it('calls what it does not know a bug', () => {
    const { given, read } = streams({ isTTY: false });
    expect(reportError(new TypeError('oops'), given, { json: false })).toBe(1);
    expect(read().err).toContain('bug');
  });
});

describe('a pager', () => {
  it.each([
    ['cat >/dev/null', true],
    ['head -c 1 >/dev/null', true],
    ['no-such-program 2>/dev/null', false],
    // As less does that does not know one of its options.
    ['exit 1', false],
    ['kill -KILL $$', false],
  ])('%s has shown what it was given: %s', async (pager, expected) =>
    expect(await page(pager, 'x\n'.repeat(100_000), process.env)).toBe(expected),
  );
});

describe('a line that is longer than the terminal is wide', () => {
  const header = '~ etc/motd  mode 0644, 2 bytes';
  let folder: string;
  withTemporaryFolder('fold', (made) => (folder = made));
  it('goes on in a row that begins as no line does: of a content, and of ours', () => {
    const forged = `| +#${' '.repeat(36)}${header}`;
    expect(fold(forged, 40)).toEqual([`| +#${' '.repeat(36)}`, `| > ${header}`]);
    expect(fold(`  account ${'x'.repeat(40)}`, 40)).toEqual([
      `  account ${'x'.repeat(30)}`,
      `    > ${'x'.repeat(10)}`,
    ]);
  });
  it('has no word cut that fits into a row, such as an id', () => {
    const id = 'o5uv7tidtt22pyfjvlq4b4tonv3b5p2d';
    const line = `  ${'x'.repeat(50)} claims gx001, as do \x1b[2m${id}\x1b[22m, ${id}`;
    for (let columns = 44; columns <= 200; columns++) {
      const rows = fold(line, columns);
      expect(rows.map((row, i) => (i === 0 ? row : row.slice(6))).join('')).toBe(line);
      expect(rows.filter((row) => stringWidth(row) > columns)).toEqual([]);
      expect(rows.join('\n').split(id)).toHaveLength(3);
    }
  });
  it.each([
    ['as it is where it fits', `| +${'x'.repeat(37)}`, [40]],
    ['by the cells of wide letters', `| +${'東'.repeat(20)}`, [39, 8]],
    ['by the most that a tab takes', `| +\t\t\t\t\t`, [35, 12]],
    ['with marks on their letters', `| +${'e\u0301'.repeat(40)}`, [40, 7]],
    ['with its colours, which take no room', `| \x1b[32m+${'x'.repeat(40)}\x1b[39m`, [40, 7]],
    ['where there is hardly room', `| +xx`, [4, 5], 4],
  ])('is shown %s', (_, line, widths, columns = 40) => {
    const rows = fold(line, columns);
    expect(rows.map((row) => stringWidth(row.replaceAll('\t', ' '.repeat(8))))).toEqual(widths);
    expect(rows.map((row, i) => (i === 0 ? row : row.slice(4))).join('')).toBe(line);
  });
  it.each([0, 1, 3, 4, 5, 20])(
    'is folded to its end on a terminal of %i columns',
    async (columns) => {
      const { given, read } = streams({ isTTY: true, env: { PAGER: 'cat', NO_COLOR: '1' } });
      const [stdout, stderr] = [given.stdout, given.stderr].map((stream) =>
        Object.assign(stream, { columns, rows: columns }),
      ) as [Streams['stdout'], Streams['stderr']];
      const terminal = createTerminal({ ...given, stdout, stderr }, { json: false });
      const line = `| +${'x'.repeat(30)}東\t${'e\u0301'.repeat(30)}${header}`;
      await terminal.page([line]);
      terminal.print(line);
      terminal.print('');
      terminal.warn(header);
      terminal.hint('');
      reportError(fail('rejected', header), { stderr }, { json: false, fold });
      const { out, err } = read();
      const [first, ...rest] = out.split('\n').slice(0, -1);
      const rows = [first!, ...rest.map((row) => row.replace(/^\| > /, ''))];
      expect(rows.join('')).toBe(line + line);
      // A row has room for its mark and one character, and is no wider than the terminal otherwise.
      const most = Math.max(columns || 80, '| > '.length + 8);
      for (const row of `${out}${err}`.split('\n')) {
        expect(stringWidth(row.replaceAll('\t', ' '.repeat(8)))).toBeLessThanOrEqual(most);
      }
      expect(err.replaceAll('\n    > ', '')).toBe(
        `warning: ${header}\n\ncoatcheck: ${header} [rejected]\n`,
      );
    },
  );
  it('is folded where a review is read, and counts as many rows', async () => {
    const { given, read } = streams({ isTTY: true, env: { PAGER: 'exit 1' } });
    const stdout = Object.assign(given.stdout, { columns: 20, rows: 3 });
    const terminal = createTerminal({ ...given, stdout }, { json: false });
    await terminal.page([`| +${'x'.repeat(20)}`]);
    expect(read().out).toBe(`| +${'x'.repeat(17)}\n| > xxx\n`);
    const piped = streams({ isTTY: false });
    await createTerminal(piped.given, { json: false }).page([`| +${'x'.repeat(200)}`]);
    expect(piped.read().out).toBe(`| +${'x'.repeat(200)}\n`);
  });
  it('goes through the pager where it takes more rows than there are', async () => {
    const file = join(folder, 'paged');
    const { given, read } = streams({ isTTY: true, env: { PAGER: `cat > ${file}` } });
    const stdout = Object.assign(given.stdout, { columns: 80, rows: 24 });
    const terminal = createTerminal({ ...given, stdout }, { json: false });
    await terminal.page([`| +${'x'.repeat(80 * 30)}`]);
    expect(read().out).toBe('');
    expect(readFileSync(file, 'utf8').split('\n')).toHaveLength(33);
  });
});

describe('a table on a terminal', () => {
  const rows = [
    ['NODE', 'NAME', 'SINCE', 'THE MACHINE SAYS'],
    ['a'.repeat(32), 'gx001', '-', 'applied: 東京'],
    ['b'.repeat(32), '-', 'today', '-'],
  ];
  it('has what does not fit below its row, with its name, and cuts nothing', () => {
    expect(tableWithin(rows, 39)).toEqual([
      [`NODE${' '.repeat(28)}  NAME`],
      [`${'a'.repeat(32)}  gx001`, '  the machine says: applied: 東京'],
      [`${'b'.repeat(32)}  -`, '  since: today'],
    ]);
    expect(tableWithin(rows, 38)[1]).toHaveLength(3);
    expect(tableWithin(rows, 1)[1]).toHaveLength(3);
    expect(tableWithin(rows)).toEqual(table(rows).map((line) => [line]));
  });
});

describe('table', () => {
  it('lines columns up by what is seen', () => {
    expect(
      table([
        ['a', 'b'],
        ['\x1b[1mlong\x1b[22m', 'c'],
        ['東京', 'd'],
        ['x', ''],
      ]),
    ).toEqual(['a     b', '\x1b[1mlong\x1b[22m  c', '東京  d', 'x']);
    expect(table([['e\u0301', 'x']])).toEqual(['e\u0301  x']);
    expect(
      table([
        ['e\u0301', 'x'],
        ['ab', 'y'],
      ])[0],
    ).toBe('e\u0301   x');
  });
});

describe('onlyMatch', () => {
  const nodes = ['abc', 'abd', 'xyz'];
  it('takes a beginning that only one has', () =>
    expect(onlyMatch('node', 'x', nodes)).toBe('xyz'));
  it('refuses one that several have, and one that none has', () => {
    expect(() => onlyMatch('node', 'ab', nodes)).toThrow(
      expect.objectContaining({ code: 'usage' }),
    );
    expect(() => onlyMatch('node', 'q', nodes)).toThrow(
      expect.objectContaining({ code: 'not_found' }),
    );
  });
});

describe('storePlace', () => {
  const home = homeAt('/h');
  const region = 'us-east-1';
  it('is a folder in the home unless told', () => {
    expect(storePlace({ region }, home)).toEqual({ kind: 'filesystem', folder: '/h/store' });
    expect(storePlace({ region, store: '/data' }, home)).toMatchObject({ folder: '/data' });
  });
  it('is a bucket with its credentials', () => {
    const flags = { region, store: 's3://bucket', endpoint: 'http://127.0.0.1:9000' };
    expect(storePlace({ ...flags, credentials: '/c' }, home)).toEqual({
      ...{ kind: 's3', bucket: 'bucket', region, endpoint: 'http://127.0.0.1:9000' },
      credentialsFile: '/c',
    });
    expect(() => storePlace(flags, home)).toThrow(/--credentials/);
  });
  it.each([
    [{ store: 'gs://bucket' }, /--store/],
    [{ store: 's3://B' }, /bucket/],
    [{ endpoint: 'http://x' }, /s3:/],
    [{ store: 's3://bucket', credentials: 'c', endpoint: 'x' }, /--endpoint/],
    [{ store: 's3://bucket', credentials: 'c', publicEndpoint: 'ftp://x' }, /--public-endpoint/],
  ])('%j is refused', (flags, message) =>
    expect(() => storePlace({ region, ...flags }, home)).toThrow(message),
  );
});
