import { describe, expect, it, vi } from 'vitest';
import { toBase64Url } from '../../bundle/bytes.ts';
import { verifyStrict } from '../../bundle/ed25519.ts';
import { encodeFrame } from '../../bundle/frame.ts';
import type { Identity } from '../../bundle/identity.ts';
import type { SignedStatement } from '../../bundle/statement.ts';
import { makeStatement, NOTHING, sign, signAsNode } from '../support/site.ts';
import { countingStore } from '../support/stores.ts';
import { json, makeApp, makeWorld, sendSigned } from './http-world.ts';

/** The real ones, counted. */
vi.mock(import('../../bundle/ed25519.ts'), { spy: true });

const world = await makeWorld();
const { site, known, fresh, admins } = world;
const { pinned } = site;
const TOKEN = 'q7Zr0-Yk2m_vB81sXh';
const DIGEST = new Uint8Array(32).fill(1);

const shown = (statement: SignedStatement): string =>
  toBase64Url(encodeFrame({ chain: [pinned], statement }));
const aboutKnown = (type: 'approve' | 'reject'): SignedStatement =>
  sign(
    makeStatement(pinned.keyset, known.id, type, NOTHING, { digest: DIGEST }),
    ...([pinned.keyset, ...admins] as const),
  );
const approval = shown(aboutKnown('approve'));
const rejection = shown(aboutKnown('reject'));
const ownApproval = shown(
  signAsNode(makeStatement(pinned.keyset, fresh.id, 'approve', NOTHING, { digest: DIGEST }), fresh),
);

/** The code of the answer, the signatures checked besides the request's own, and the LISTs. */
async function cost(
  target: 'proposals' | 'reports',
  by: Identity,
  more: object = {},
): Promise<[code: string, signatures: number, lists: number]> {
  const { store, counts } = countingStore(world.store);
  const app = makeApp(world, store, { token: TOKEN });
  vi.mocked(verifyStrict).mockClear();
  const response = await sendSigned(
    app,
    {
      ...{ method: 'POST', target: `/v1/nodes/${by.id}/${target}`, by },
      body: json({ digest: 'cd'.repeat(32), size: 900, ...more }),
    },
    { site: site.id },
  );
  const { error } = (await response.json()) as { error?: { code: string } };
  const signatures = vi.mocked(verifyStrict).mock.calls.length - 1;
  return [error?.code ?? 'granted', signatures, counts.list];
}

describe('a flood is refused before it costs much', () => {
  it.each([
    ['without a token', {}],
    ['with a wrong token', { token: 'x'.repeat(18) }],
    [
      'with a decision that it signed itself, under the policy that lets it',
      { decidedBy: ownApproval },
    ],
    [
      'of more bytes than the site allows',
      { token: TOKEN, size: site.maxBundleBytes + 1 },
      'too_large',
    ],
    ["with another node's decision", { decidedBy: approval }, 'not_this_node'],
  ])('a proposal %s: no signature, no LIST', async (_, body, code = 'token_refused') => {
    expect(await cost('proposals', fresh, body)).toEqual([code, 0, 0]);
  });
  it('a proposal with a rejection: no signature, no LIST', async () => {
    expect(await cost('proposals', known, { decidedBy: rejection })).toEqual([
      'token_refused',
      0,
      0,
    ]);
  });
  it('a proposal with a forged decision: one signature, no LIST', async () => {
    const forged = aboutKnown('approve');
    const { signature } = forged.signatures[0]!;
    signature[0]! ^= 1;
    const decidedBy = shown(forged);
    expect(await cost('proposals', known, { decidedBy })).toEqual(['bad_signature', 1, 0]);
  });
  it.each([
    ['of more bytes than a report has', { proof: approval, size: 4097 }, 'too_large'],
    ['with a rejection', { proof: rejection }, 'does_not_verify'],
    ['with a proof that is none', { proof: 'AAAA' }, 'bad_magic'],
  ])('a report %s: no signature', async (_, body, code) => {
    expect(await cost('reports', known, body)).toEqual([code, 0, 0]);
  });
});

describe('what is granted', () => {
  it('costs a new node no signature, and one that shows a decision those of the decision', async () => {
    expect(await cost('proposals', fresh, { token: TOKEN })).toEqual(['granted', 0, 2]);
    expect(await cost('proposals', known, { decidedBy: approval })).toEqual(['granted', 2, 2]);
    expect(await cost('reports', known, { proof: approval })).toEqual(['granted', 2, 0]);
  });
});
