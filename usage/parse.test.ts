import { describe, expect, expectTypeOf, it } from 'vitest';
import { parse } from './parse.ts';
import { commandsFor } from './table.ts';
import type { Option, Program } from './table.ts';

const nothing = (): void => undefined;
const command = commandsFor<string[]>();
const common = [
  { name: 'root', value: '<folder>', about: 'where', default: '/', env: 'TOOL_ROOT' },
  { name: 'site', value: '<file>', about: 'of whom', env: 'TOOL_SITE' },
] as const satisfies readonly Option[];
const program: Program<string[], typeof common> = {
  name: 'tool',
  about: 'It does things',
  version: '1.2.3',
  options: common,
  commands: [
    command({ usage: 'status', about: 'tell', run: nothing }),
    command({
      usage: 'key make file <path>',
      about: 'make one',
      options: [{ name: 'force', about: 'although' }],
      examples: ['key make file k --force'],
      run: nothing,
    }),
    command({ usage: 'key', about: 'show it', run: nothing }),
    command({
      usage: 'copy <from> [to...]',
      about: 'copy it',
      options: [
        { name: 'as', value: '<kind>', about: 'how', choices: ['text', 'bytes'] },
        { name: 'why', value: '<text>', about: 'because', required: true },
        { name: 'show', value: '[path...]', about: 'these or all' },
        { name: 'leave-out', value: '<path>', about: 'not these', repeatable: true },
        { name: 'ask', about: 'first', excludes: ['never-ask'] },
        { name: 'never-ask', about: 'at all' },
      ],
      run: (said, { from, to }, { as, why, leaveOut, ask, neverAsk }) => {
        expectTypeOf(from).toEqualTypeOf<string>();
        expectTypeOf(to).toEqualTypeOf<readonly string[]>();
        expectTypeOf(as).toEqualTypeOf<'text' | 'bytes' | undefined>();
        expectTypeOf(why).toEqualTypeOf<string>();
        expectTypeOf(leaveOut).toEqualTypeOf<readonly string[]>();
        expectTypeOf(ask).toEqualTypeOf<boolean>();
        said.push([from, ...to].join(' '), why, as ?? '-', ...leaveOut, `${ask} ${neverAsk}`);
      },
    }),
    command({
      usage: 'into [from...] <to>',
      about: 'put them there',
      run: (said, { from, to }) => {
        expectTypeOf(from).toEqualTypeOf<readonly string[]>();
        expectTypeOf(to).toEqualTypeOf<string>();
        said.push(`${from.join(' ')} > ${to}`);
      },
    }),
    command({
      usage: 'show [what]',
      about: 'show that',
      run: (_, { what }) => {
        expectTypeOf(what).toEqualTypeOf<string | undefined>();
      },
    }),
  ],
};
const words = (line: string): string[] => (line === '' ? [] : line.split(' '));
const read = (line: string, env?: Record<string, string>) => parse(program, words(line), env);

describe('a command line', () => {
  it('refuses an option that is empty, where it is no text: a folder would be this one', () => {
    for (const args of [
      ['status', '--root='],
      ['status', '--root', ''],
      ['copy', 'a', '--why', 'x', '--leave-out', ''],
      ['copy', 'a', '--why', 'x', '--as='],
    ]) {
      expect(() => parse(program, args)).toThrow(/^option '--[a-z-]+' is empty: give it a value/);
    }
    expect(parse(program, ['copy', 'a', '--why='])).toMatchObject({ options: { why: '' } });
    expect(parse(program, ['status'], { TOOL_SITE: '' })).toMatchObject({ common: { root: '/' } });
  });

  it.each<[string, string, object, object]>([
    ['status', 'status', {}, { root: '/' }],
    ['--root /mnt status', 'status', {}, { root: '/mnt' }],
    ['status --root=/mnt', 'status', {}, { root: '/mnt' }],
    ['status --root /x --root /a --root /b=c', 'status', {}, { root: '/b=c' }],
    ['key make file k --force', 'key make file <path>', { path: 'k' }, { force: true, root: '/' }],
    [
      'key make file -- --force',
      'key make file <path>',
      { path: '--force' },
      { force: false, root: '/' },
    ],
    ['key', 'key', {}, { root: '/' }],
    ['show', 'show [what]', {}, { root: '/' }],
    ['show -- -1', 'show [what]', { what: '-1' }, { root: '/' }],
  ])('%s', (line, usage, operands, values) => {
    const parsed = read(line);
    expect(parsed).toMatchObject({ command: { usage } });
    const given = 'run' in parsed ? { ...parsed.options, ...parsed.common } : undefined;
    expect(given).toEqual(values);
    expect('run' in parsed && parsed.operands).toEqual(operands);
  });

  it('gives a command what its table says', async () => {
    const said: string[] = [];
    const parsed = read('copy a b c --why= --as text --leave-out d --leave-out=e --ask');
    if ('run' in parsed) await parsed.run(said);
    expect(said).toEqual(['a b c', '', 'text', 'd', 'e', 'true false']);
  });

  it('gives the last word to an operand behind one that is many', async () => {
    const said: string[] = [];
    for (const line of ['into x', 'into a x', 'into a b x']) {
      const parsed = read(line);
      if ('run' in parsed) await parsed.run(said);
    }
    expect(said).toEqual([' > x', 'a > x', 'a b > x']);
    expect(() => read('into')).toThrow('into: <to> is missing');
    expect(() => parse(program, ['into', 'a', ''])).toThrow('into: <to> is empty');
    expect(() => parse(program, ['into', '', 'x'])).toThrow('into: [from...] is empty');
  });

  it('takes from the environment what the line does not say, where it says something', () => {
    const values = (line: string, env: Record<string, string>) => {
      const parsed = read(line, env);
      return 'run' in parsed && parsed.common;
    };
    const env = { TOOL_ROOT: '/env', TOOL_SITE: 'env.json' };
    expect(values('status', env)).toEqual({ root: '/env', site: 'env.json' });
    expect(values('status --root /line', env)).toEqual({ root: '/line', site: 'env.json' });
    expect(values('status', { TOOL_ROOT: '', TOOL_SITE: '' })).toEqual({ root: '/' });
  });

  it.each([
    ['frob', 'there is no command frob'],
    ['frob --help', 'there is no command frob'],
    ['help frob', 'there is no command frob'],
    ['status frob --help', 'status: frob is one word too many'],
    ['help status frob', 'status: frob is one word too many'],
    ['copy a --show= --why x', '--show= names nothing: leave out the = to mean all'],
    ['stauts', 'there is no command stauts (did you mean status?)'],
    ['show x y', 'show: y is one word too many'],
    ['status x', 'status: x is one word too many'],
    ['key make', 'key: make is one word too many'],
    ['key make file', 'key make file: <path> is missing'],
    ['status --force', 'status has no option --force'],
    ['status --frob', "unknown option '--frob'"],
    ['status --frob --help', "unknown option '--frob'"],
    ['status --rot x', "unknown option '--rot' (did you mean --root?)"],
    ['copy a --leave x', "unknown option '--leave' (did you mean --leave-out?)"],
    ['show -1', "unknown option '-1'"],
    ['status --__proto__=x', "unknown option '--__proto__'"],
    ['status --root', "option '--root <value>' argument missing"],
    ['status --root --site', "option '--root' argument is ambiguous: is it --root=--site?"],
    ['key make file k --force=yes', "option '--force' does not take an argument"],
    ['copy a', 'copy: --why <text> is missing'],
    ['copy a --why w --as gold', 'copy: --as is one of text, bytes'],
    ['copy a --why w --ask --never-ask', 'copy: --ask cannot be used with --never-ask'],
  ])('%s: %s', (line, said) => {
    expect(() => read(line)).toThrow(
      expect.objectContaining({ code: 'usage', message: `${said}; see tool --help` }),
    );
  });

  it('takes the words with a slash for those of an option that may have some', () => {
    const show = (line: string): unknown => {
      const parsed = parse(program, words(line));
      return 'options' in parsed ? [parsed.options['show'], parsed.operands] : parsed;
    };
    const to = (...paths: string[]) => ({ from: 'a', to: paths });
    expect(show('copy a --why x')).toEqual([undefined, to()]);
    expect(show('copy a --why x --show')).toEqual([[], to()]);
    expect(show('copy --show a --why x')).toEqual([[], to()]);
    expect(show('copy a --show b/c d/e f --why x')).toEqual([['b/c', 'd/e'], to('f')]);
    expect(show('copy a --show=b --why x --show c/d')).toEqual([['b', 'c/d'], to()]);
    expect(show('copy a --why x -- --show b/c')).toEqual([undefined, to('--show', 'b/c')]);
    expect(show('copy a --why x --show -- b/c')).toEqual([[], to('b/c')]);
  });

  it('takes no empty word for an operand: it is a variable that is not set', () => {
    expect(() => parse(program, ['show', ''])).toThrow('show: [what] is empty');
    expect(() => parse(program, ['copy', 'a', 'b', '', '--why=x'])).toThrow(
      'copy: [to...] is empty',
    );
  });

  it('says how a command goes on that is not whole', () => {
    const { commands, ...rest } = program;
    const longer = { ...rest, commands: commands.slice(0, 2) };
    expect(parse(longer, ['key'])).toMatchObject({
      unfinished: { message: 'key goes on: key make file <path>; see tool --help' },
      help: expect.stringContaining('key make file <path>') as string,
    });
    expect(() => parse(longer, ['key', 'x'])).toThrow('there is no command key x');
    expect(() => parse(longer, ['key', 'mkae'])).toThrow('key mkae (did you mean make?)');
    const key = { ...commands[0]!, usage: 'keys list' };
    const two = { ...rest, commands: [key, ...longer.commands] };
    expect(() => parse(two, ['key', 'list'])).toThrow('key list (did you mean keys list?)');
    expect(read('')).toMatchObject({
      unfinished: { code: 'usage', message: 'no command was given; see tool --help' },
      help: expect.stringContaining('Usage: tool [options] <command>') as string,
    });
  });

  it.each([
    ['--version', '1.2.3'],
    ['status --version', '1.2.3'],
    ['--help', 'key make file <path>  make one'],
    ['help', 'key make file <path>  make one'],
    ['-h', '--root <folder>  where (default: /, env: TOOL_ROOT)'],
    ['key make file -h', 'Usage: tool key make file <path> [options]'],
    ['key make file k --help', '--force  although'],
    ['help key make file', 'Examples:\n  tool key make file k --force'],
    ['copy -h', '--as <kind>         how (one of text, bytes)'],
    ['key make --help', 'Usage: tool key\n\nshow it'],
  ])('%s prints %s', (line, said) => {
    expect(read(line)).toMatchObject({ text: expect.stringContaining(said) as string });
  });
});
