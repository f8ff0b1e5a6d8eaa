import { describe, expect, it } from 'vitest';
import type { NodeId } from '../bundle/index.ts';
import { codeOf } from '../protocol/errors.ts';
import { lookAt, onlyMatch } from './find.ts';
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
