import { describe, expect, it } from 'vitest';
import { makeNode } from '../../tests/support/site.ts';
import { nodeWords } from '../../bundle/words.ts';
import { fail } from '../../protocol/errors.ts';
import type { PublicState, StatesPage } from '../states.ts';
import { BOUNDS, histogram } from './exposition.ts';
import { createMetrics, LOOK } from './metrics.ts';

const NOW = 1_790_000_000;
const node = makeNode().id;
const words = nodeWords(node);
const DIGEST = 'ab'.repeat(32) as PublicState['waiting'][number]['digest'];
const state = (more: Partial<PublicState>): PublicState => ({ node, words, waiting: [], ...more });
const shown = (more: object): Pick<PublicState, 'shown'> => ({
  shown: {
    ...{ type: 'approve', seq: 1, issued: NOW - 100, statement: DIGEST, bundle: DIGEST, ...more },
  },
});

function readerOf(page: () => StatesPage | Promise<StatesPage>): {
  page: () => Promise<StatesPage>;
  asked: () => number;
} {
  let asked = 0;
  return {
    asked: () => asked,
    page: async () => {
      asked++;
      return page();
    },
  };
}
const lineOf = (text: string, start: string): string | undefined =>
  text.split('\n').find((line) => line.startsWith(`${start} `));

describe('the nodes in the metrics', () => {
  it('are each in one class, and what waits beside them', async () => {
    const states = [
      state({ waiting: [{ digest: DIGEST, since: NOW - 500 }] }),
      state({ ...shown({}), waiting: [{ digest: DIGEST, since: NOW - 90 }] }),
      state(shown({ expires: NOW + 100 })),
      state(shown({ expires: NOW })),
      state(shown({ type: 'revoke', expires: NOW })),
      state({ problem: 'does_not_verify' }),
    ];
    const text = await createMetrics(() => NOW).render(readerOf(() => ({ states })));
    const counts = ['in_force', 'expiring', 'expired', 'revoked', 'unreadable', 'none'].map(
      (name) => lineOf(text, `coatcheck_nodes{state="${name}"}`),
    );
    expect(counts.map((line) => line?.split(' ').at(-1))).toEqual(['1', '1', '1', '1', '1', '1']);
    expect(lineOf(text, 'coatcheck_proposals_waiting')).toMatch(/ 2$/);
    expect(lineOf(text, 'coatcheck_oldest_waiting_seconds')).toMatch(/ 500$/);
    expect(lineOf(text, 'coatcheck_nodes_complete')).toMatch(/ 1$/);
  });

  it('are looked at once for all who ask within a minute', async () => {
    const reader = readerOf(() => ({ states: [] }));
    const { render } = createMetrics(() => NOW);
    await Promise.all(Array.from({ length: 20 }, () => render(reader)));
    await render(reader);
    expect(reader.asked()).toBe(1);
  });

  it('are looked at up to a number, and that there are more is said', async () => {
    const states = [state(shown({}))];
    const reader = readerOf(() => ({ states, next: node }));
    const text = await createMetrics(() => NOW).render(reader);
    expect(reader.asked()).toBe(LOOK.nodes / 1000);
    expect(lineOf(text, 'coatcheck_nodes_complete')).toMatch(/ 0$/);
  });

  it('are not shown as they were once the store is away', async () => {
    const reader = readerOf(() => Promise.reject(fail('store_unavailable', 'away')));
    const text = await createMetrics(() => NOW).render(reader);
    expect(lineOf(text, 'coatcheck_store_up')).toMatch(/ 0$/);
    expect(text).not.toContain('coatcheck_nodes');
  });
});

describe('a histogram', () => {
  it('counts in each bound what took at most so long', () => {
    const { observe, render } = histogram('x_seconds', 'A test.');
    for (const seconds of [0.0001, 0.001, 0.7, 100]) observe({ of: 'a' }, seconds);
    const text = render();
    expect(lineOf(text, 'x_seconds_bucket{of="a",le="0.001"}')).toMatch(/ 2$/);
    expect(lineOf(text, 'x_seconds_bucket{of="a",le="0.5"}')).toMatch(/ 2$/);
    expect(lineOf(text, 'x_seconds_bucket{of="a",le="1"}')).toMatch(/ 3$/);
    expect(lineOf(text, 'x_seconds_bucket{of="a",le="+Inf"}')).toMatch(/ 4$/);
    expect(lineOf(text, 'x_seconds_count{of="a"}')).toMatch(/ 4$/);
    expect(text.match(/_bucket/g)).toHaveLength(BOUNDS.length + 1);
  });
});
