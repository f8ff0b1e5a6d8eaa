import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { assertStrongSecret } from './secrets.ts';

const text = (s: string): Uint8Array => new TextEncoder().encode(s);

describe('assertStrongSecret', () => {
  it('takes random bytes, raw or written as hex', () => {
    for (let i = 0; i < 1000; i++) {
      assertStrongSecret(randomBytes(32), 'it');
      assertStrongSecret(text(randomBytes(32).toString('hex')), 'it');
    }
  });

  it.each<[string, Uint8Array]>([
    ['nothing', new Uint8Array()],
    ['zeros', new Uint8Array(32)],
    ['ones', new Uint8Array(32).fill(0xff)],
    ['31 random bytes', randomBytes(31)],
    ['a word over and over', text('changeme'.repeat(4))],
    ['counting up', Uint8Array.from({ length: 32 }, (_, i) => i)],
    ['counting down', Uint8Array.from({ length: 32 }, (_, i) => 255 - i)],
    ['counting in steps, around the end', Uint8Array.from({ length: 64 }, (_, i) => 200 + 7 * i)],
    ['-1', text('-1')],
  ])('refuses %s', (_, secret) => {
    expect(() => assertStrongSecret(secret, 'the upload secret')).toThrow(
      expect.objectContaining({
        code: 'weak_secret',
        message: expect.stringContaining('the upload secret') as string,
      }) as Error,
    );
  });
});
