import { describe, expect, it } from 'vitest';
import { nodeWords } from '../../bundle/words.ts';
import { parseDigest } from '../../protocol/keys.ts';
import { makeNode, makeSite } from '../../tests/support/site.ts';
import type { PublicState } from '../states.ts';
import { eventId, MAX_EVENTS, messageOf, publicEvents } from './event.ts';

const { site } = makeSite();
const NOW = 1_790_000_000;
const DAY = 86_400;
const digest = (n: number) => parseDigest(`${n}`.repeat(64));
const stateOf = (name: string, more: Partial<PublicState>): PublicState => {
  const { id } = makeNode(name);
  return { node: id, words: nodeWords(id), waiting: [], ...more };
};
const shown = (expires?: number, type: 'approve' | 'revoke' = 'approve') => ({
  ...{ type, seq: 1, issued: NOW - DAY, statement: digest(7), bundle: digest(8) },
  ...(expires === undefined ? {} : { expires }),
});

describe('what there is to tell', () => {
  it('is what waits, cannot be read, has ended, or ends within two weeks', () => {
    const states = [
      stateOf('a', {
        waiting: [
          { digest: digest(1), since: 5 },
          { digest: digest(2), since: 6 },
        ],
      }),
      stateOf('b', { problem: 'bad_magic' }),
      stateOf('c', { shown: shown(NOW) }),
      stateOf('d', { shown: shown(NOW + 14 * DAY) }),
      stateOf('e', { shown: shown(NOW + 14 * DAY + 1) }),
      stateOf('f', { shown: shown() }),
      stateOf('g', { shown: shown(NOW - 1, 'revoke') }),
    ];
    const events = publicEvents(states, site, NOW);
    expect(events.map(({ kind }) => kind)).toEqual([
      ...['waiting', 'waiting', 'unreadable', 'expired', 'expiring'],
    ]);
    expect(new Set(events.map(({ id }) => id)).size).toBe(5);
    expect(publicEvents(states.slice(0, 4), site, NOW + 1).map(({ id }) => id)).toEqual(
      events.slice(0, 5).map(({ id }) => id),
    );
  });

  it('has an id of site, node, digest and kind, which never changes', () => {
    const { id } = makeNode('a');
    const own = eventId(site.id, id, digest(1), 'waiting');
    expect(own).toMatchInlineSnapshot(
      `"9d9a266b4fad7ee79a7a796d8312baa9bcaff570d80e89c69d89cdd46e204e7f"`,
    );
    for (const other of [
      eventId(new Uint8Array(16), id, digest(1), 'waiting'),
      eventId(site.id, makeNode('b').id, digest(1), 'waiting'),
      eventId(site.id, id, digest(2), 'waiting'),
      eventId(site.id, id, digest(1), 'expired'),
    ]) {
      expect(other).not.toBe(own);
    }
  });
});

describe('a message', () => {
  it('counts all, holds a hundred, and says in a line of ASCII what is so', () => {
    const states = Array.from({ length: 150 }, (_, i) =>
      stateOf(`n${i}`, { waiting: [{ digest: digest(1), since: 5 }] }),
    );
    const ending = stateOf('ending', { shown: shown(NOW + DAY) });
    const events = publicEvents([ending, ...states], site, NOW);
    const message = messageOf(events, site, NOW);
    expect(message.counts).toEqual({ waiting: 150, expiring: 1 });
    expect(message.events).toHaveLength(MAX_EVENTS);
    expect(message.text).toContain('150 nodes wait for a decision: ');
    expect(message.text).toContain(
      'and 147 more; 1 node has an approval that ends within 14 days: ',
    );
    expect(message.text).toContain(ending.words);
    expect(message.text).toMatch(/^[ -~]+$/);
    expect(JSON.stringify(message).length).toBeLessThan(64 * 1024);
    expect(messageOf(events.toReversed(), site, NOW + 9).id).toBe(message.id);
    expect(messageOf(events.slice(1), site, NOW).id).not.toBe(message.id);
  });
});
