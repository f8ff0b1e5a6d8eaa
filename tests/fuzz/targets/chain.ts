import { concat, equalBytes } from '../../../bundle/bytes.ts';
import { decodeChain, encodeChain, signKeyset, verifyChain } from '../../../bundle/keyset.ts';
import type { Keyset, SignedKeyset } from '../../../bundle/keyset.ts';
import { ada, adminKey, grace, keysetOf, robot } from '../../fixtures/format.ts';
import { Choices } from '../engine/choices.ts';
import { relinkChain } from '../engine/resign.ts';
import type { Target } from '../engine/target.ts';
import { demand, sameBytes, verdict } from '../engine/verdict.ts';
import { vectors } from '../engine/vectors.ts';

const people = [ada, grace, robot];
const next = (before: SignedKeyset, changes: Partial<Keyset>): SignedKeyset =>
  signKeyset(
    keysetOf({ version: before.keyset.version + 1, previous: before.digest, ...changes }),
    before.keyset.keys.flatMap((key, keyIndex) =>
      key.may === 'all'
        ? [{ identity: people.find((p) => p.signKey === key.signKey)!, keyIndex }]
        : [],
    ),
  );
const first = signKeyset(keysetOf(), []);
const second = next(first, {
  keys: [adminKey('ada', ada), adminKey('grace', grace)],
  threshold: 2,
});
const third = next(second, { keys: [adminKey('grace', grace), adminKey('robot', robot, 'first')] });
const fourth = next(third, { keys: [adminKey('robot', robot), adminKey('ada', ada)] });
const pinned = second;

/** Keysets as the bytes choose them, mostly such as follow one another. */
function chosen(choices: Choices): SignedKeyset[] {
  const length = 1 + choices.below(4);
  let version = choices.below(8) === 7 ? 1 : 2;
  return Array.from({ length }, (_, i) => {
    const count = 1 + choices.below(3);
    const keys = people
      .slice(0, count)
      .map((person, at) =>
        adminKey(`person ${at}`, person, choices.below(4) === 3 ? 'first' : 'all'),
      );
    const signatures = people.flatMap((_person, keyIndex) =>
      choices.below(4) === 3 ? [] : [{ keyIndex, signature: new Uint8Array(64) }],
    );
    const threshold = 1 + choices.below(count);
    if (i > 0) version += choices.below(8) === 7 ? 2 : 1;
    if (i === 0 && choices.below(4) < 3) return pinned;
    const previous = new Uint8Array(32).fill(1);
    const keyset = keysetOf({ version, threshold, keys, ...(version > 1 ? { previous } : {}) });
    return { keyset, digest: new Uint8Array(32), signatures: version > 1 ? signatures : [] };
  });
}

/** The rules of docs/format.md, "Chain of keysets", once more; all signatures that there are being good. */
function leadsOn(chain: readonly SignedKeyset[]): boolean {
  return (
    chain.some(({ keyset, digest }) => keyset.version === 2 && equalBytes(digest, pinned.digest)) &&
    chain.every(({ keyset, signatures }, i) => {
      const before = chain[i - 1];
      if (!equalBytes(keyset.site, pinned.keyset.site)) return false;
      if (before === undefined) return true;
      const { keys, threshold, version } = before.keyset;
      return (
        keyset.version === version + 1 &&
        equalBytes(keyset.previous, before.digest) &&
        signatures.length >= threshold &&
        signatures.every(({ keyIndex }) => keys[keyIndex]?.may === 'all')
      );
    })
  );
}

/**
 * A chain that is read is written again as it was. Signed by the fuzzer, it leads on from the
 * pinned keyset exactly if the rules say so. The first byte: 1 to link and sign, 3 for a chain that
 * the rest of the input chooses.
 */
export const target: Target = {
  run(input) {
    const flags = input[0] ?? 0;
    const isSigned = (flags & 1) === 1;
    return verdict(() => {
      const rest = input.subarray(1);
      const bytes = (flags & 2) === 2 ? encodeChain(relinkChain(chosen(new Choices(rest)))) : rest;
      const read = decodeChain(bytes);
      sameBytes(encodeChain(read), bytes);
      const chain = isSigned ? relinkChain(read) : read;
      const outcome = verdict(() => `leads to ${Math.min(verifyChain(chain, pinned).version, 9)}`);
      const isTaken = outcome.startsWith('leads');
      demand(!isTaken || leadsOn(chain), 'taken, against the rules');
      demand(!isSigned || isTaken === leadsOn(chain), 'refused, although the rules are kept');
      return `ok ${outcome}`;
    });
  },
  seeds: [
    ...[0, 1, 2, 3].map((byte) => concat(Uint8Array.of(3), new Uint8Array(40).fill(byte))),
    ...vectors('chain').map((bytes) => concat(Uint8Array.of(1), bytes)),
    ...[
      [first, second, third, fourth],
      [second],
      [second, third],
      [first, second],
      [third, fourth],
    ].flatMap((chain) => [0, 1].map((flags) => concat(Uint8Array.of(flags), encodeChain(chain)))),
  ],
  limits: { maxBytes: 1400, work: [20_000, 200], allocated: [65_536, 256] },
};
