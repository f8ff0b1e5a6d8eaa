import { describe, expect, it } from 'vitest';
import type { CoatcheckError } from '../bundle/errors.ts';
import { parseDigest, pendingKey, rejectedKey } from '../protocol/keys.ts';
import type { DigestHex, ObjectKey } from '../protocol/keys.ts';
import type { ObjectInfo } from '../store/port.ts';
import { makeNode } from '../tests/support/site.ts';
import { assertToken, judgeProposal, tokenMatches } from './proposals.ts';
import type { ProposalCase } from './proposals.ts';

const node = makeNode().id;
const digest = (letter: string): DigestHex => parseDigest(letter.repeat(64));
const [A, B, C] = [digest('a'), digest('b'), digest('c')];

const at = (key: ObjectKey, second: number): ObjectInfo => ({
  ...{ key, size: 1, etag: 'x' },
  modified: new Date(second * 1000),
});
const waits = (name: DigestHex, second = 0): ObjectInfo => at(pendingKey(node, name), second);
const refused = (name: DigestHex, second = 0): ObjectInfo => at(rejectedKey(node, name), second);

function verdict(change: Partial<ProposalCase>): string {
  try {
    judgeProposal({
      ...{
        by: 'node',
        approval: 'required',
        digest: A,
        after: undefined,
        decided: undefined,
        isKnown: false,
      },
      ...{ rejected: [], pending: [], pendingOfAll: 0, maxPending: 100 },
      ...change,
    });
    return 'ok';
  } catch (error) {
    const { code, details } = error as CoatcheckError;
    return details['digest'] === undefined ? code : `${code} ${String(details['digest'])[0]!}`;
  }
}

describe('one proposal of a node waits at a time', () => {
  it('lets the first one through', () => {
    expect(verdict({})).toBe('ok');
  });
  it('names the one that waits', () => {
    expect(verdict({ pending: [waits(B)] })).toBe('waiting b');
  });
  it('names the newest of two that came at the same moment', () => {
    expect(verdict({ pending: [waits(C, 1), waits(B, 2)] })).toBe('waiting b');
  });
  it('names its own where its upload came through but the answer did not', () => {
    expect(verdict({ pending: [waits(A, 1), waits(B, 2)] })).toBe('waiting a');
  });
  it('does not count what rejected/ has, nor what the request shows as decided', () => {
    expect(verdict({ pending: [waits(B)], rejected: [refused(B)], after: B })).toBe('ok');
    expect(verdict({ pending: [waits(B)], decided: B })).toBe('ok');
    expect(verdict({ pending: [waits(B), waits(C)], decided: B })).toBe('waiting c');
  });
  it('does not hold up a node that decides for itself, and lost power before it did', () => {
    expect(verdict({ approval: 'none', pending: [waits(B)] })).toBe('ok');
    expect(verdict({ approval: 'none', pending: [waits(A)] })).toBe('waiting a');
  });
  it('does not bind an administrator', () => {
    expect(verdict({ by: 'admin', pending: [waits(B)] })).toBe('ok');
  });
  it('does not count keys that are not proposals', () => {
    expect(verdict({ pending: [at(`pending/${node}/junk` as ObjectKey, 1)] })).toBe('ok');
  });
});

describe('a refusal is heard before there is a next proposal', () => {
  it('is named until the node has seen it', () => {
    expect(verdict({ rejected: [refused(B)] })).toBe('rejected b');
    expect(verdict({ rejected: [refused(B)], after: C })).toBe('rejected b');
    expect(verdict({ rejected: [refused(B)], after: B })).toBe('ok');
  });
  it('is the newest one', () => {
    const rejected = [refused(B, 5), refused(C, 4)];
    expect(verdict({ rejected })).toBe('rejected b');
    expect(verdict({ rejected, after: C })).toBe('rejected b');
    expect(verdict({ rejected, after: B })).toBe('ok');
  });
  it('is always the same one, where the clock of the store ticks too slowly', () => {
    const rejected = [refused(B, 5), refused(C, 5)];
    expect(verdict({ rejected })).toBe('rejected c');
    expect(verdict({ rejected, after: C })).toBe('ok');
  });
  it('does not bind an administrator', () => {
    expect(verdict({ by: 'admin', rejected: [refused(B)] })).toBe('ok');
  });
  it('is never undone by proposing the very same bundle again', () => {
    expect(verdict({ rejected: [refused(A)], after: A })).toBe('already_decided');
    expect(verdict({ by: 'admin', rejected: [refused(A)] })).toBe('already_decided');
  });
});

describe('the cap', () => {
  it('leaves a tenth to nodes that can show a decision, and to administrators', () => {
    expect(verdict({ pendingOfAll: 89 })).toBe('ok');
    expect(verdict({ pendingOfAll: 90 })).toBe('too_many_pending');
    expect(verdict({ pendingOfAll: 99, isKnown: true })).toBe('ok');
    expect(verdict({ pendingOfAll: 99, by: 'admin' })).toBe('ok');
  });
  it('holds for everybody when that is taken too', () => {
    expect(verdict({ pendingOfAll: 100, isKnown: true })).toBe('too_many_pending');
    expect(verdict({ pendingOfAll: 100, by: 'admin' })).toBe('too_many_pending');
  });
  it('tells a node that waits that it waits, not that there is no room', () => {
    expect(verdict({ pendingOfAll: 100, pending: [waits(B)] })).toBe('waiting b');
  });
});

describe('the enrolment token', () => {
  it.each(['', ' ', '-1', '0', 'token', 'changeme', 'short-one', 'x'.repeat(64), '0'.repeat(32)])(
    'is refused as %j',
    (token) => {
      expect(() => assertToken(token)).toThrow(expect.objectContaining({ code: 'weak_secret' }));
    },
  );
  it('never appears in the message', () => {
    expect(() => assertToken('hunter2')).toThrow(/^(?!.*hunter2)/);
  });
  it('is taken if it is long and random, and compared whole', () => {
    const token = 'q7Zr0-Yk2m_vB81sXh';
    expect(() => assertToken(token)).not.toThrow();
    expect(tokenMatches(token, token)).toBe(true);
    for (const given of ['', token.slice(1), `${token}x`, token.toLowerCase()]) {
      expect(tokenMatches(token, given)).toBe(false);
    }
  });
});
