import { describe, expect, it } from 'vitest';
import { parse } from './usage.ts';
import type { Program } from './usage.ts';

const nothing = (): void => undefined;
const program: Program<undefined> = {
  name: 'tool',
  about: 'It does things',
  version: '1.2.3',
  options: [{ name: 'root', value: '<folder>', about: 'where', default: '/' }],
  commands: [
    { usage: 'status', about: 'tell', run: nothing },
    {
      usage: 'key make file <path>',
      about: 'make one',
      options: [{ name: 'force', about: 'although' }],
      run: nothing,
    },
    { usage: 'key', about: 'show it', run: nothing },
  ],
};
const read = (line: string) => parse(program, line === '' ? [] : line.split(' '));

describe('a command line', () => {
  it.each([
    ['status', 'status', [], {}],
    ['--root /mnt status', 'status', [], { root: '/mnt' }],
    ['status --root=/mnt', 'status', [], { root: '/mnt' }],
    ['key make file k --force', 'key make file <path>', ['k'], { force: true }],
    ['key make file -- --force', 'key make file <path>', ['--force'], {}],
    ['key', 'key', [], {}],
  ])('%s', (line, usage, operands, options) => {
    const parsed = read(line);
    expect(parsed).toMatchObject({ command: { usage }, given: { operands } });
    expect({ ...('given' in parsed && parsed.given.options) }).toEqual(options);
  });

  it.each([
    ['', 'no command was given'],
    ['frob', 'there is no command frob'],
    ['status x', 'status: x is one word too many'],
    ['key make', 'key: make is one word too many'],
    ['key make file', 'key make file: <path> is missing'],
    ['status --force', 'status has no option --force'],
    ['status --frob', "unknown option '--frob'"],
    ['status --root', "option '--root <value>' argument missing"],
    ['key make file k --force=yes', "option '--force' does not take an argument"],
  ])('%s: %s', (line, said) => {
    expect(() => read(line)).toThrow(
      expect.objectContaining({ code: 'usage', message: `${said}; see tool --help` }),
    );
  });

  it('says how a command goes on that is not whole', () => {
    const { commands, ...rest } = program;
    const longer = { ...rest, commands: commands.slice(0, 2) };
    expect(() => parse(longer, ['key', 'x'])).toThrow('key goes on: key make file <path>');
  });

  it.each([
    ['--version', '1.2.3'],
    ['status --version', '1.2.3'],
    ['--help', 'key make file <path>  make one'],
    ['-h', '--root <folder>  where (default: /)'],
    ['key make file -h', 'Usage: tool key make file <path> [options]'],
    ['key make file k --help', '--force  although'],
  ])('%s prints %s', (line, said) => {
    expect(read(line)).toMatchObject({ text: expect.stringContaining(said) as string });
  });
});
