import type { Identity } from '../../bundle/identity.ts';
import type { SignedKeyset } from '../../bundle/keyset.ts';
import { digestHex } from '../../protocol/keys.ts';
import type { Approval, Site } from '../../protocol/site.ts';
import { makeAdmin, makeNode, makeSite, nextKeyset, propose } from '../support/site.ts';
import type { TestAdmin, TestProposal } from '../support/site.ts';

/** A bundle that may be proposed, and whether it can still be approved under the second keyset. */
export interface Draft extends TestProposal {
  readonly hex: string;
  readonly maker: 'node' | 'ada' | 'bob';
}

/**
 * Who takes part in a run: one site, its nodes and their bundles. They are sealed once and appear
 * again in every new store: sealing is the dearest step of all, and nothing here depends on it.
 */
export interface Cast {
  readonly site: Site;
  /** ada; and after the keyset changed, only bob */
  readonly ada: TestAdmin;
  readonly bob: TestAdmin;
  /** in no keyset */
  readonly mallory: TestAdmin;
  readonly secondKeyset: SignedKeyset;
  readonly nodes: readonly { readonly identity: Identity; readonly drafts: readonly Draft[] }[];
}

const MAKERS = [
  'node',
  'node',
  'ada',
  'node',
  'bob',
  'node',
  'node',
  'ada',
  'bob',
  'node',
] as const;

/**
 * A bundle of which the digest starts in the `n`th tenth: sealing is random, listings are in the order
 * of digests, and what is done in that order has to be the same with the same seed.
 */
function sealInto(n: number, seal: () => TestProposal): TestProposal {
  for (;;) {
    const proposal = seal();
    if (Math.floor((proposal.digest[0]! * MAKERS.length) / 256) === n) return proposal;
  }
}

export function makeCast(approval: Approval, nodes: number): Cast {
  const [ada, bob, mallory] = ['ada', 'bob', 'mallory'].map((name) => makeAdmin(name)) as [
    ...[TestAdmin, TestAdmin, TestAdmin],
  ];
  const { site } = makeSite({ name: `tortured, ${approval}`, admins: [ada], approval });
  const { pinned } = site;
  const secondKeyset = nextKeyset({ signed: pinned, admins: [ada] }, [bob]);
  const admins = { ada, bob };
  const draftOf = (identity: Identity, maker: Draft['maker'], n: number): Draft => {
    const by = maker === 'node' ? {} : { by: admins[maker].identity };
    const files = { 'etc/hostname': `host-${n}\n` };
    const proposal = sealInto((7 * n + 3) % MAKERS.length, () =>
      propose({ keyset: pinned.keyset, node: identity, files, ...by }),
    );
    return { ...proposal, hex: digestHex(proposal.digest), maker };
  };
  return {
    ...{ site, ada, bob, mallory, secondKeyset },
    nodes: Array.from({ length: nodes }, (_, n) => {
      const identity = makeNode(`tortured ${n}, ${approval}`);
      return { identity, drafts: MAKERS.map((maker, i) => draftOf(identity, maker, i)) };
    }),
  };
}
