import { describe, expect, it } from 'vitest';
import { fail } from '../protocol/errors.ts';
import { onlyMatch } from '../admin/find.ts';
import { homeAt } from './home.ts';
import { storePlace } from '../functions/stores/kinds.ts';
import { page } from './pager.ts';
import { table } from './table.ts';
import { createTerminal, reportError } from './terminal.ts';
import type { Streams } from './terminal.ts';
import { parseExpiry, when } from './time.ts';

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

describe('parseExpiry', () => {
  const now = 1_800_000_000;
  it.each([
    ['90m', now + 5400],
    ['12h', now + 43_200],
    ['30d', now + 2_592_000],
    ['8w', now + 4_838_400],
    ['2027-02-01', 1_801_440_000],
    ['2027-02-01T12:00:00Z', 1_801_483_200],
    ['2027-02-01T12:00+02:00', 1_801_476_000],
  ])('%s', (text, seconds) => expect(parseExpiry(text, now)).toBe(seconds));
  it.each([
    '',
    '0d',
    '30',
    '-1d',
    'soon',
    '2026-01-01',
    '2027-13-01',
    '999999w',
    '2027-02-01T12:00',
  ])('%j is refused', (text) => expect(() => parseExpiry(text, now)).toThrow(/--expires/));
  it('is printed in UTC', () => expect(when(1_801_476_000)).toBe('2027-02-01 10:00 UTC'));
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
