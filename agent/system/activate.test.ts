import { describe, expect, it } from 'vitest';
import { failuresOf, tellOutcome } from '../console/outcome.ts';
import { fail } from '../../protocol/errors.ts';
import { waitForAnswer } from './activate.ts';
import { hostnameOf } from './hostname.ts';
import { zramBytes } from './swap.ts';

const MIB = 1024 * 1024;
const file = (text: string) => ({
  ...{ path: 'etc/hostname', mode: 0o644, owner: 'root', uid: 0, group: 'root', gid: 0 },
  content: Buffer.from(text),
});

describe('swap in compressed memory', () => {
  it.each([
    [1024 * MIB, 512 * MIB],
    [8192 * MIB, 4096 * MIB],
    [512 * 1024 * MIB, 4096 * MIB],
    [1001 * MIB + 5, 500 * MIB],
  ])('of a machine with %d bytes has %d', (memory, expected) => {
    expect(zramBytes(memory)).toBe(expected);
  });
});

describe('the host name', () => {
  it.each([
    ['n1\n', undefined, 'n1'],
    ['# of rack 7\n\n  n1.example  \n', 'other', 'n1.example'],
    ['', 'meta', undefined],
    [undefined, 'meta', 'meta'],
    [undefined, undefined, undefined],
  ])('of a bundle with %j and %j is %j', (text, hostname, expected) => {
    const metadata = hostname === undefined ? {} : { hostname };
    const files = text === undefined ? [] : [file(text)];
    expect(hostnameOf({ files, metadata })).toBe(expected);
  });

  it.each(['n'.repeat(65), 'a b', 'a..b', '-a', 'a-', 'a_b', 'a\u001b[2Jb', 'nöde', 'a.', '.'])(
    'is not %j',
    (text) => {
      const files = [file(`${text}\n`)];
      expect(() => hostnameOf({ files, metadata: {} })).toThrow('which is no host name');
      expect(() => hostnameOf({ files, metadata: {} })).not.toThrow(/[^ -~]/);
    },
  );
});

describe('a network that was restarted', () => {
  it('is waited for until the server answers', async () => {
    let asked = 0;
    await waitForAnswer(() =>
      ++asked < 2 ? Promise.reject(fail('server_unreachable', 'not yet')) : Promise.resolve(),
    );
    expect(asked).toBe(2);
  });

  it('has failed once the time for that is over', async () => {
    const never = (): Promise<never> => Promise.reject(fail('server_unreachable', 'gone'));
    await expect(waitForAnswer(never, 0)).rejects.toThrow('gone');
  });
});

describe('what became of a configuration', () => {
  const outcome = {
    applied: { changed: ['etc/motd'], removed: [], unchanged: 2 },
    activation: {
      ...{ reloaded: ['a.service'], restarted: [], started: ['b.service'], stopped: [] },
      waiting: ['d.service'],
      failed: [{ what: 'c.service', why: 'it failed: exit-code' }],
    },
    ready: { done: ['webhook'], failed: [{ what: 'engine', why: 'x' }] },
  };

  it('is one line in a report', () => {
    expect(tellOutcome(outcome)).toBe(
      'applied: 1 changed, 0 removed, 2 as they were; reloaded a.service; started b.service; waiting d.service; ' +
        'ready: webhook; FAILED c.service: it failed: exit-code; FAILED engine: x',
    );
    expect(failuresOf(outcome)).toHaveLength(2);
  });

  it('fits into a report, however much failed, and in whatever script', () => {
    const failed = [{ what: 'c.service', why: '失敗'.repeat(500) }];
    const result = tellOutcome({ ...outcome, ready: { done: [], failed } });
    expect(Buffer.byteLength(result)).toBeGreaterThan(900);
    expect(Buffer.byteLength(result)).toBeLessThanOrEqual(1024);
    expect(result).toMatch(/失(敗)?\.\.\.$/);
  });
});
