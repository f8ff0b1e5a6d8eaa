import { describe, expect, it } from 'vitest';
import type { NodeId } from '../bundle/index.ts';
import { codeOf } from '../protocol/errors.ts';
import { makeNode } from '../tests/support/site.ts';
import { nodeWords } from '../bundle/words.ts';
import { lookAt, onlyMatch } from './find.ts';
import { findNode } from './select.ts';
import type { Session } from './session.ts';

const match = (text: string, candidates: readonly string[]): string => {
  try {
    return onlyMatch('node', text, candidates);
  } catch (error) {
    return codeOf(error);
  }
};

describe('onlyMatch', () => {
  it('finds the one that begins so', () => {
    expect(match('b', ['abc', 'bcd'])).toBe('bcd');
    expect(match('bcd', ['abc', 'bcd'])).toBe('bcd');
  });
  it('does not choose between several, nor without one', () => {
    expect(match('a', ['abc', 'abd'])).toBe('usage');
    expect(match('x', ['abc'])).toBe('not_found');
  });
  it('does not take an empty word for the only one there is', () => {
    expect(match('', ['abc'])).toBe('usage');
  });
});

describe('findNode', () => {
  const ids = [makeNode('one').id, makeNode('two').id];
  const session = {
    *list() {
      for (const node of ids) yield { parsed: { prefix: 'pending', node } };
    },
  } as unknown as Session;

  it('takes the words that the console of a node shows, all eight of them', async () => {
    for (const id of ids) expect(await findNode(session, nodeWords(id))).toBe(id);
    for (const text of [nodeWords(makeNode().id), nodeWords(ids[0]!).replace(/ [a-z]+$/, '')]) {
      await expect(findNode(session, text)).rejects.toMatchObject({ code: 'not_found' });
    }
  });
});

describe('lookAt', () => {
  it('does not miss a proposal that is decided while it looks', async () => {
    let decided = false;
    const session = {
      *list() {
        const parsed = { prefix: 'pending', node: 'n', digest: 'd' };
        if (!decided) yield { key: 'pending/n/d', parsed };
        decided = true;
      },
      history() {
        const entries = decided ? ['the decision'] : [];
        decided = true;
        return Promise.resolve({ entries });
      },
    } as unknown as Session;
    const { pending, history } = await lookAt(session, 'n' as NodeId);
    expect(pending.length + history.entries.length).toBeGreaterThan(0);
  });
});
