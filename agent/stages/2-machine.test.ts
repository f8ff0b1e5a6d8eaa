import { describe, expect, it } from 'vitest';
import { codeOf, fail } from '../../protocol/errors.ts';
import type { Invocation } from '../boot/invocation.ts';
import { whenPluggedIn } from './2-machine.ts';

/** What it gives, its code where it fails, and what was said, where the device is there at the nth look. */
async function opened(
  orders: Parameters<typeof whenPluggedIn>[1],
  there: number,
): Promise<{ got: unknown; said: string[]; looks: number }> {
  const said: string[] = [];
  let looks = 0;
  const open = (): string => {
    looks++;
    if (looks < there) throw fail('device_missing', 'a stick labelled X is not plugged in');
    return 'opened';
  };
  const invocation = { places: {}, console: { note: (line: string) => void said.push(line) } };
  const sleep = (): Promise<void> => Promise.resolve();
  const got = await whenPluggedIn(invocation as unknown as Invocation, orders, open, {
    sleep,
  }).catch(codeOf);
  return { got, said, looks };
}

describe('a key or a memory that is not there yet', () => {
  it.each([
    { key: { from: 'usb' } },
    { key: { from: 'tpm' } },
    { key: { from: 'image' }, memory: 'stick' },
  ] as const)('is waited for where it can be plugged in, and that is said once: %j', async (by) => {
    const { got, said } = await opened(by, 5);
    expect(got).toBe('opened');
    expect(said).toEqual([
      `its key: ${by.key.from}; its memory: ${'memory' in by ? by.memory : 'file'}`,
      'a stick labelled X is not plugged in: waiting for it, 60 s at most',
    ]);
  });

  it('is not waited for without end', async () => {
    const { got, looks } = await opened({ key: { from: 'usb' } }, Infinity);
    expect(got).toBe('device_missing');
    expect(looks).toBeLessThan(1000);
  });

  it('is not waited for at all where no time brings it', async () => {
    const { got, said } = await opened({ key: { from: 'image' }, memory: 'efi' }, Infinity);
    expect(got).toBe('device_missing');
    expect(said).toHaveLength(1);
  });
});
