import { expect, it } from 'vitest';
import { fail } from '../../protocol/errors.ts';
import type { Node } from './node.ts';
import { withMirrors } from './mirrors.ts';
import type { Look, Source } from './source.ts';

it('a mirror that fails is told of once, and again when it fails in another way', async () => {
  const said: string[] = [];
  const node = { console: { note: (line: string) => void said.push(line) } } as unknown as Node;
  const failed: Look = { state: 'failed', error: fail('server_unreachable', 'gone') };
  const source: Source = {
    inForce: () => Promise.resolve(failed),
    rejection: () => Promise.resolve(failed),
  };
  let why = 'empty';
  const mirrors = ['a', 'b'].map((name) => ({
    name,
    read: () => Promise.reject(fail('not_found', name === 'a' ? why : 'no stick')),
  }));
  const looking = withMirrors(source, node, mirrors);
  for (why of ['empty', 'empty', 'away', 'away']) expect(await looking.inForce()).toBe(failed);
  expect(said).toEqual([
    'the mirror a: empty [not_found]',
    'the mirror b: no stick [not_found]',
    'the mirror a: away [not_found]',
  ]);
});
