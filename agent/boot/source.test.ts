import { afterEach, describe, expect, it, vi } from 'vitest';
import type { FetchAnswer } from '../../protocol/objects.ts';
import { approvedFrame, fileEntry } from '../../tests/support/frames.ts';
import { makeNode, makeSite } from '../../tests/support/site.ts';
import { obstacleTo } from './install.ts';
import type { Node } from './node.ts';
import { createServers } from './servers.ts';
import { createSource } from './source.ts';

const NOW = 1_790_000_000;
const YEARS = 300_000_000;
const testSite = makeSite();
const identity = makeNode();
const node = {
  ...{ site: testSite.site, identity, now: () => NOW, built: NOW },
  memory: { load: () => undefined, save: () => undefined },
} as unknown as Node;
const FRAME = approvedFrame(
  testSite,
  identity,
  [fileEntry('etc/hostname', 'node')],
  1,
  {},
  {
    expires: NOW + 86_400,
  },
);

/** A source before a rogue and a true server, and who was asked for URLs. */
function lab(rogue: { status?: number; body: object }) {
  const asked: string[] = [];
  const url = 'http://store.example/approved';
  const good = { url, expiresAt: NOW + 900, now: NOW };
  const fetch = (at: string): Promise<FetchAnswer> => {
    const { hostname } = new URL(at);
    if (hostname === 'store.example') {
      return Promise.resolve(new Response(FRAME as Uint8Array<ArrayBuffer>) as FetchAnswer);
    }
    asked.push(hostname);
    const { status = 200, body } = hostname === 'rogue' ? rogue : { body: good };
    const text = JSON.stringify({ ...good, ...body });
    return Promise.resolve(new Response(text, { status }) as FetchAnswer);
  };
  const servers = createServers(node, ['http://rogue', 'http://good'], fetch);
  return { source: createSource(node, servers), asked };
}

afterEach(() => vi.restoreAllMocks());

describe('a server that is not a true one', () => {
  it('delays by one look where only its time ends what it serves', async () => {
    const { source, asked } = lab({ body: { now: NOW + YEARS, expiresAt: NOW + 2 * YEARS } });
    const obstacles: unknown[] = [];
    for (let i = 0; i < 2; i++) {
      const look = await source.inForce();
      obstacles.push(look.state === 'found' ? obstacleTo(node, look.decision)?.code : look);
    }
    expect(obstacles).toEqual(['expired', undefined]);
    expect(asked).toEqual(['rogue', 'good']);
  });

  it('delays by one look where it says that its store is away', async () => {
    const error = { code: 'store_unavailable', message: 'x', details: {} };
    const { source } = lab({ status: 503, body: { error } });
    expect((await source.inForce()).state).toBe('failed');
    expect((await source.inForce()).state).toBe('found');
  });

  it('cannot have its URL kept for more than an hour', async () => {
    const { source, asked } = lab({ body: { expiresAt: NOW + YEARS } });
    await source.inForce();
    await source.inForce();
    expect(asked).toHaveLength(1);
    const later = performance.now() + 3_601_000;
    vi.spyOn(performance, 'now').mockReturnValue(later);
    await source.inForce();
    expect(asked).toHaveLength(2);
  });
});
