import { describe, expect, it } from 'vitest';
import { hostnameOf } from './hostname.ts';

const file = (text: string) => ({
  ...{ path: 'etc/hostname', mode: 0o644, owner: 'root', uid: 0, group: 'root', gid: 0 },
  content: Buffer.from(text),
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
