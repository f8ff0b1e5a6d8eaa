import { describe, expect, it } from 'vitest';
import { toHex } from '../bundle/bytes.ts';
import { encodeFrame } from '../bundle/frame.ts';
import type { Frame } from '../bundle/frame.ts';
import type { SignedKeyset } from '../bundle/keyset.ts';
import type { Statement, StatementType } from '../bundle/statement.ts';
import {
  makeAdmin,
  makeNode,
  makeSite,
  makeStatement,
  nextKeyset,
  NOTHING,
  propose,
  sign,
} from '../tests/support/site.ts';
import { codeOf } from './errors.ts';
import type { DigestHex } from './keys.ts';
import { isExpired, memoryOf, verifyForNode } from './verify.ts';
import type { Site } from './site.ts';
import type { NodeMemory } from './verify.ts';

const { site, admins } = makeSite();
const [ada] = admins;
const node = makeNode();
const { keyset } = site.pinned;
const proposal = propose({ keyset, node });
const digestHex = toHex(proposal.digest) as DigestHex;

function frame(
  type: StatementType,
  more: Partial<Statement> = {},
  parts: Partial<Frame> = {},
): Uint8Array {
  const digest = type === 'revoke' ? NOTHING.digest : proposal.digest;
  const chain = parts.chain ?? [site.pinned];
  const newest = chain.at(-1)!.keyset;
  const statement = makeStatement(newest, node.id, type, NOTHING, { digest, ...more });
  return encodeFrame({
    chain,
    statement: sign(statement, newest, ada!),
    ...(type === 'revoke' ? {} : { bundle: proposal.bytes }),
    ...parts,
  });
}

const approvedVerdict = (bytes: Uint8Array, memory?: NodeMemory, forNode = node.id): string =>
  verdict(() =>
    verifyForNode(bytes, {
      ...{ site, node: forNode, where: 'approved' },
      ...(memory && { memory }),
    }),
  );
const rejectedVerdict = (
  bytes: Uint8Array,
  {
    waitingDigest = digestHex,
    ...more
  }: { waitingDigest?: DigestHex; memory?: NodeMemory; site?: Site } = {},
): string =>
  verdict(() =>
    verifyForNode(bytes, { ...{ site, node: node.id, where: 'rejected', waitingDigest }, ...more }),
  );

function verdict(verify: () => unknown): string {
  try {
    verify();
    return 'ok';
  } catch (error) {
    return codeOf(error);
  }
}

describe('what a node takes from approved/', () => {
  it.each(['approve', 'rollback', 'reconfigure', 'revoke'] as const)('takes %s', (type) => {
    expect(approvedVerdict(frame(type))).toBe('ok');
  });

  it('refuses a rejection, which decides nothing about what is in force', () => {
    expect(approvedVerdict(frame('reject'))).toBe('bad_type');
  });

  it("refuses another node's decision", () => {
    expect(approvedVerdict(frame('approve'), undefined, makeNode('other').id)).toBe(
      'not_this_node',
    );
  });

  it('refuses an approval without its bundle', () => {
    const { keyset: k } = site.pinned;
    const statement = makeStatement(k, node.id, 'approve', NOTHING, { digest: proposal.digest });
    const bytes = encodeFrame({ chain: [site.pinned], statement: sign(statement, k, ada!) });
    expect(approvedVerdict(bytes)).toBe('does_not_verify');
  });

  it('refuses another bundle, another site, too few signatures, and any byte changed', () => {
    const other = propose({ keyset, node, files: { 'etc/hostname': 'evil\n' } });
    expect(approvedVerdict(frame('approve', {}, { bundle: other.bytes }))).toBe('digest_mismatch');
    expect(approvedVerdict(frame('approve', { site: new Uint8Array(16).fill(1) }))).toBe(
      'bad_site',
    );
    const mallory = makeAdmin('mallory');
    const forged = {
      ...makeStatement(keyset, node.id, 'approve', NOTHING, { digest: proposal.digest }),
    };
    const signed = sign(forged, { ...keyset, keys: [mallory.key] }, mallory);
    expect(approvedVerdict(frame('approve', {}, { statement: signed }))).toBe('bad_signature');
    const bytes = frame('approve');
    for (let i = 0; i < bytes.length; i += 7) {
      const changed = bytes.slice();
      changed[i]! ^= 1;
      expect(approvedVerdict(changed), `byte ${i}`).not.toBe('ok');
    }
  });

  it('refuses what is no frame', () => {
    expect(approvedVerdict(new Uint8Array())).toBe('truncated');
    expect(approvedVerdict(new Uint8Array(2 * 1024 * 1024))).toBe('too_large');
    expect(approvedVerdict(new TextEncoder().encode('<html>404</html>'))).toBe('bad_magic');
  });
});

describe('what a node takes from rejected/', () => {
  it('takes the rejection of exactly what it asked for', () => {
    expect(rejectedVerdict(frame('reject'))).toBe('ok');
    expect(rejectedVerdict(frame('reject'), { waitingDigest: '0'.repeat(64) as DigestHex })).toBe(
      'digest_mismatch',
    );
  });
  it.each(['approve', 'rollback', 'reconfigure', 'revoke'] as const)('refuses %s', (type) => {
    expect(rejectedVerdict(frame(type))).toBe('bad_type');
  });
});

describe('a node that remembers', () => {
  const seen = verifyForNode(frame('approve', { seq: 5 }), {
    ...{ site, node: node.id, where: 'approved' },
  });
  const memory = memoryOf(seen);

  it('takes the same again, and what is newer', () => {
    expect(approvedVerdict(frame('approve', { seq: 5 }), memory)).toBe('ok');
    expect(approvedVerdict(frame('approve', { seq: 6 }), memory)).toBe('ok');
  });
  it('refuses an older seq, and another statement with the same', () => {
    expect(approvedVerdict(frame('approve', { seq: 4 }), memory)).toBe('rollback_refused');
    expect(approvedVerdict(frame('revoke', { seq: 5 }), memory)).toBe('rollback_refused');
  });

  const bert = makeAdmin('bert');
  const second = nextKeyset({ signed: site.pinned, admins }, [ada!, bert]);
  const rememberSecond: NodeMemory = {
    ...memory,
    keysetVersion: 2,
    keysetDigest: second.digest,
  };
  const withChain = (...rest: SignedKeyset[]): Partial<Frame> => ({
    chain: [site.pinned, ...rest],
  });

  it('refuses an older keyset', () => {
    const newer = frame('approve', { seq: 6 }, withChain(second));
    expect(approvedVerdict(newer, rememberSecond)).toBe('ok');
    expect(approvedVerdict(frame('approve', { seq: 6 }), rememberSecond)).toBe('rollback_refused');
  });
  it('hears what was refused before the keysets changed, and nothing newer of an old one', () => {
    const old = (seq: number): Uint8Array => frame('reject', { seq });
    expect(rejectedVerdict(old(4), { memory: rememberSecond })).toBe('ok');
    expect(rejectedVerdict(old(6), { memory: rememberSecond })).toBe('rollback_refused');
    const newer = frame('reject', { seq: 6 }, withChain(second));
    expect(rejectedVerdict(newer, { memory: rememberSecond })).toBe('ok');
    const image = { ...site, ancestors: [site.pinned], pinned: second };
    expect(rejectedVerdict(old(4), { memory: rememberSecond, site: image })).toBe('ok');
    expect(rejectedVerdict(old(4), { site: { ...site, pinned: second } })).toBe('not_pinned');
  });
  it('refuses a fork of the keysets, made with keys that were taken away', () => {
    const forked = nextKeyset({ signed: site.pinned, admins }, [ada!]);
    const longer = nextKeyset({ signed: forked, admins: [ada!] }, [ada!]);
    const bytes = frame('approve', { seq: 6 }, withChain(forked, longer));
    expect(approvedVerdict(bytes)).toBe('ok'); // what a node without memory cannot see
    expect(approvedVerdict(bytes, rememberSecond)).toBe('rollback_refused');
  });
});

describe('an image that pins a later keyset', () => {
  const bert = makeAdmin('bert');
  const second = nextKeyset({ signed: site.pinned, admins }, [ada!, bert]);
  const third = nextKeyset({ signed: second, admins: [ada!, bert] }, [ada!]);
  const image = { ...site, ancestors: [site.pinned], pinned: second };
  const verdictOf = (bytes: Uint8Array, memory?: NodeMemory, of: Site = image): string =>
    verdict(() =>
      verifyForNode(bytes, {
        ...{ site: of, node: node.id, where: 'approved' },
        ...(memory && { memory }),
      }),
    );
  const by = (...chain: SignedKeyset[]): Uint8Array => frame('approve', { seq: 6 }, { chain });
  const remembered = (link: SignedKeyset, seq = 5): NodeMemory => ({
    ...{ keysetVersion: link.keyset.version, keysetDigest: link.digest },
    ...{ seq, digest: new Uint8Array(32).fill(7) },
  });

  it('takes what is signed under its keyset or a later one, from wherever the chain begins', () => {
    expect(verdictOf(by(site.pinned, second))).toBe('ok');
    expect(verdictOf(by(site.pinned, second, third))).toBe('ok');
    expect(verdictOf(by(second))).toBe('ok');
    expect(verdictOf(by(second, third))).toBe('ok');
  });
  it('refuses what is signed under an older one, whatever it knows of that, and a fork', () => {
    expect(verdictOf(by(site.pinned))).toBe('not_pinned');
    expect(verdictOf(by(third))).toBe('not_pinned');
    const fork = nextKeyset({ signed: site.pinned, admins }, [ada!]);
    expect(verdictOf(by(site.pinned, fork))).toBe('not_pinned');
  });
  it('goes on with a memory of an older keyset, which the chain need not hold any more', () => {
    expect(verdictOf(by(second), remembered(site.pinned))).toBe('ok');
    expect(verdictOf(by(second), remembered(site.pinned), { ...site, pinned: second })).toBe('ok');
    expect(verdictOf(by(site.pinned, second), remembered(site.pinned))).toBe('ok');
    expect(verdictOf(by(second), remembered(site.pinned, 9))).toBe('rollback_refused');
  });
  it('still refuses an older or another keyset than it remembers', () => {
    expect(verdictOf(by(second), remembered(third))).toBe('rollback_refused');
    const fork = nextKeyset({ signed: second, admins: [ada!, bert] }, [bert]);
    expect(verdictOf(by(second, third), remembered(fork))).toBe('rollback_refused');
  });
});

describe('isExpired', () => {
  const statement = makeStatement(keyset, node.id, 'approve', NOTHING, {
    ...{ digest: proposal.digest, issued: 1000, expires: 2000 },
  });
  it('is judged by the latest clock', () => {
    expect(isExpired(statement, [])).toBe(false);
    expect(isExpired(statement, [1999, 0])).toBe(false);
    expect(isExpired(statement, [2000])).toBe(true);
    expect(isExpired(statement, [0, 3000])).toBe(true);
  });
  it('cannot be put off by a clock in 1970, and never comes without an expiry', () => {
    expect(isExpired({ ...statement, issued: 2000 }, [0])).toBe(true);
    const forever = makeStatement(keyset, node.id, 'revoke');
    expect(isExpired(forever, [Number.MAX_SAFE_INTEGER])).toBe(false);
  });
});
