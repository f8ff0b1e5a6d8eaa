import { describe, expect, it } from 'vitest';
import type { Ran } from '../../programs/run.ts';
import { cryptPassword } from './crypt.ts';

const SHA512 = `$6$salt5salt$${'a'.repeat(86)}\n`;
const YESCRYPT = `$y$j9T$salt5salt5salt$${'b'.repeat(43)}\n`;
const absent: Ran = { status: 127, stdout: Buffer.of(), stderr: 'spawn ENOENT' };
const says = (text: string, status = 0): Ran => ({ status, stdout: Buffer.from(text), stderr: '' });

/** An image with these programs, and all that they were run with. */
function image(programs: Record<string, (args: readonly string[]) => Ran>): {
  run: Parameters<typeof cryptPassword>[1];
  ran: string[];
} {
  const ran: string[] = [];
  return {
    ran,
    run: async (program, args, options = {}) => {
      ran.push([program, ...args].join(' '));
      expect(Buffer.from(options.input!).toString()).toBe('hunter2\n');
      return programs[program]?.(args) ?? absent;
    },
  };
}

describe('a crypted password', () => {
  it('is yescrypt where the image has it', async () => {
    const { run } = image({ mkpasswd: () => says(YESCRYPT), openssl: () => says(SHA512) });
    expect(await cryptPassword('hunter2', run)).toBe(YESCRYPT.trim());
  });

  it.each([
    ['no mkpasswd', {}],
    ['a mkpasswd that knows no yescrypt', { mkpasswd: () => says('', 1) }],
    ['the mkpasswd of expect, which makes up passwords', { mkpasswd: () => says('zq3Zy&f7t\n') }],
  ])('is SHA-512 by openssl beside %s', async (_, programs) => {
    const { run } = image({ ...programs, openssl: () => says(SHA512) });
    expect(await cryptPassword('hunter2', run)).toBe(SHA512.trim());
  });

  it('is SHA-512 by a mkpasswd that has nothing better', async () => {
    const mkpasswd = (args: readonly string[]): Ran =>
      args.includes('sha-512') ? says(SHA512) : says('', 1);
    expect(await cryptPassword('hunter2', image({ mkpasswd }).run)).toBe(SHA512.trim());
  });

  it('is none without a program, or where all say something else', async () => {
    expect(await cryptPassword('hunter2', image({}).run)).toBeUndefined();
    for (const junk of ['', 'hunter2\n', `${SHA512}${SHA512}`, SHA512.trim(), `x${SHA512}`]) {
      const { run } = image({ openssl: () => says(junk), mkpasswd: () => says(junk) });
      expect(await cryptPassword('hunter2', run)).toBeUndefined();
    }
  });

  it('is never an argument', async () => {
    const { run, ran } = image({});
    await cryptPassword('hunter2', run);
    expect(ran).toHaveLength(3);
    expect(ran.join()).not.toContain('hunter2');
  });
});
