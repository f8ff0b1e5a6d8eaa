import { ed25519Sign } from '#platform';
import { concat, fromHex, toHex, utf8 } from '../../../bundle/bytes.ts';
import { nodeIdBytes } from '../../../bundle/identity.ts';
import { ada, node } from '../../fixtures/format.ts';
import { flip, suite } from '../build.ts';
import type { Vector } from '../vector.ts';

/**
 * The 12 cases of github.com/novifinancial/ed25519-speccheck (cases.txt; Chalkias, Garillot and
 * Nikolaenko, "Taming the many EdDSAs", 2020): what each is about, message, key, signature.
 */
const SPECCHECK: readonly (readonly [says: string, string, string, string])[] = [
  [
    'S is 0, A and R are of small order',
    '8c93255d71dcab10e8f379c26200f3c7bd5f09d9bc3068d3ef4edeb4853022b6',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a' + '0'.repeat(64),
  ],
  [
    'A is of small order, R of mixed order',
    '9bd9f44f4dcc75bd531b56b2cd280b0bb38fc1cd6d1230e14861d861de092e79',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
    'f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43' +
      'a5bb704786be79fc476f91d3f3f89b03984d8068dcf1bb7dfc6637b45450ac04',
  ],
  [
    'R is of small order, A of mixed order',
    'aebf3f2601a0c8c5d39cc7d8911642f740b78168218da8471772b35f9d35b9ab',
    'f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa' +
      '8c4bd45aecaca5b24fb97bc10ac27ac8751a7dfe1baff8b953ec9f5833ca260e',
  ],
  [
    'A and R are of mixed order, and both equations hold: good',
    '9bd9f44f4dcc75bd531b56b2cd280b0bb38fc1cd6d1230e14861d861de092e79',
    'cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d',
    '9046a64750444938de19f227bb80485e92b83fdb4b6506c160484c016cc1852f' +
      '87909e14428a7a1d62e9f22f3d3ad7802db02eb2e688b6c52fcd6648a98bd009',
  ],
  [
    'A and R are of mixed order, and only the equation with the cofactor holds',
    'e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec4011eaccd55b53f56c',
    'cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d',
    '160a1cb0dc9c0258cd0a7d23e94d8fa878bcb1925f2c64246b2dee1796bed512' +
      '5ec6bc982a269b723e0668e540911a9a6a58921d6925e434ab10aa7940551a09',
  ],
  [
    'holds with the cofactor only if the scalar is not reduced first',
    'e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec4011eaccd55b53f56c',
    'cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d',
    '21122a84e0b5fca4052f5b1235c80a537878b38f3142356b2c2384ebad4668b7' +
      'e40bc836dac0f71076f9abe3a53f9c03c1ceeeddb658d0030494ace586687405',
  ],
  [
    'S is above the group order',
    '85e241a07d148b41e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec40',
    '442aad9f089ad9e14647b1ef9099a1ff4798d78589e66f28eca69c11f582a623',
    'e96f66be976d82e60150baecff9906684aebb1ef181f67a7189ac78ea23b6c0e' +
      '547f7690a0e2ddcd04d87dbc3490dc19b3b3052f7ff0538cb68afb369ba3a514',
  ],
  [
    'S is far above the group order',
    '85e241a07d148b41e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec40',
    '442aad9f089ad9e14647b1ef9099a1ff4798d78589e66f28eca69c11f582a623',
    '8ce5b96c8f26d0ab6c47958c9e68b937104cd36e13c33566acd2fe8d38aa1942' +
      '7e71f98a473474f2f13f06f97c20d58cc3f54b8bd0d272f42b695dd7e89a8c22',
  ],
  [
    'R is of small order and not canonical, and is hashed as it is',
    '9bedc267423725d473888631ebf45988bad3db83851ee85c85e241a07d148b41',
    'f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff' +
      '03be9678ac102edcd92b0210bb34d7428d12ffc5df5f37e359941266a4e35f0f',
  ],
  [
    'R is of small order and not canonical, and is hashed in its canonical form',
    '9bedc267423725d473888631ebf45988bad3db83851ee85c85e241a07d148b41',
    'f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff' +
      'ca8c5b64cd208982aa38d4936621a4775aa233aa0505711d8fdcfdaa943d4908',
  ],
  [
    'A is of small order and not canonical, and is hashed as it is',
    'e96b7021eb39c1a163b6da4e3093dcd3f21387da4cc4572be588fafae23c155b',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
    'a9d55260f765261eb9b84e106f665e00b867287a761990d7135963ee0a7d59dc' +
      'a5bb704786be79fc476f91d3f3f89b03984d8068dcf1bb7dfc6637b45450ac04',
  ],
  [
    'A is of small order and not canonical, and is hashed in its canonical form',
    '39a591f5321bbe07fd5a23dc2f39d025d74526615746727ceefd6e82ae65c06f',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
    'a9d55260f765261eb9b84e106f665e00b867287a761990d7135963ee0a7d59dc' +
      'a5bb704786be79fc476f91d3f3f89b03984d8068dcf1bb7dfc6637b45450ac04',
  ],
];

const littleEndian = (value: bigint): string => {
  const hex = value.toString(16).padStart(64, '0');
  return hex.match(/../g)!.reverse().join('');
};
const P = 2n ** 255n - 19n;
const L = 2n ** 252n + 27_742_317_777_372_353_535_851_937_790_883_648_493n;
const ED_ORDER_8 = [
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
];
const MONTGOMERY_ORDER_8 = [
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
];
const topBit = (hex: string): string => toHex(fromHex(hex).map((b, i) => (i === 31 ? b | 128 : b)));

function speccheck(): Vector[] {
  const { accepts, refuses } = suite('ed25519', 'ed25519');
  return SPECCHECK.map(([says, message, publicKey, signature], i) => {
    const name = `speccheck_${String(i).padStart(2, '0')}`;
    const fields = { 'public-key': publicKey, signature };
    return i === 3
      ? accepts(name, says, fromHex(message), fields)
      : refuses(name, 'bad_signature', says, fromHex(message), fields);
  });
}

function signatures(): Vector[] {
  const message = utf8('coatcheck');
  const signature = ed25519Sign(node.signSecret, message);
  const s = BigInt(`0x${littleEndian(BigInt(`0x${toHex(signature.subarray(32))}`))}`);
  const highS = concat(signature.subarray(0, 32), fromHex(littleEndian(s + L)));
  const key = toHex(node.signKey);
  const { accepts, refuses } = suite('ed25519', 'ed25519', { 'public-key': key });
  const bad = (
    name: string,
    says: string,
    bytes: Uint8Array,
    more: Record<string, string>,
  ): Vector => refuses(name, 'bad_signature', says, bytes, more);
  const good = { signature: toHex(signature) };
  return [
    accepts('ok', 'a good signature', message, good),
    bad('message', 'the message is another', utf8('Coatcheck'), good),
    bad('flipped', 'one bit of S is flipped', message, { signature: toHex(flip(signature, 40)) }),
    bad('high_s', 'S + L instead of S: the same point', message, { signature: toHex(highS) }),
    bad('short', '63 bytes', message, { signature: toHex(signature.subarray(0, 63)) }),
    bad('key', 'the key of somebody else', message, { ...good, 'public-key': toHex(ada.signKey) }),
  ];
}

function publicKeys(): Vector[] {
  const sign = suite('sign-key', 'sign-key');
  const box = suite('box-key', 'box-key');
  const refuseAll = (
    { refuses }: typeof sign,
    keys: Record<string, string>,
    says: string,
  ): Vector[] =>
    Object.entries(keys).map(([name, hex]) => refuses(name, 'bad_public_key', says, fromHex(hex)));
  return [
    sign.accepts('ok', 'a key that has a secret', node.signKey),
    ...refuseAll(
      sign,
      {
        order_1: littleEndian(1n),
        order_2: littleEndian(P - 1n),
        order_4: littleEndian(0n),
        order_4_negative: topBit(littleEndian(0n)),
        order_8_a: ED_ORDER_8[0]!,
        order_8_a_negative: topBit(ED_ORDER_8[0]!),
        order_8_b: ED_ORDER_8[1]!,
        order_8_b_negative: topBit(ED_ORDER_8[1]!),
      },
      'a point of small order: a signature by it can fit any message',
    ),
    ...refuseAll(
      sign,
      {
        y_is_p: littleEndian(P),
        y_is_p_plus_1: littleEndian(P + 1n),
        y_is_largest: littleEndian(2n ** 255n - 1n),
        negative_zero: topBit(littleEndian(1n)),
        short: toHex(node.signKey.subarray(1)),
      },
      'not the canonical 32 bytes of a point',
    ),
    box.accepts('ok', 'a key that has a secret', node.boxKey),
    ...refuseAll(
      box,
      {
        zero: littleEndian(0n),
        one: littleEndian(1n),
        order_8_a: MONTGOMERY_ORDER_8[0]!,
        order_8_b: MONTGOMERY_ORDER_8[1]!,
        p_minus_1: littleEndian(P - 1n),
      },
      'a coordinate of small order: the shared secret is always zero',
    ),
    ...refuseAll(
      box,
      {
        p: littleEndian(P),
        p_plus_1: littleEndian(P + 1n),
        largest: littleEndian(2n ** 255n - 1n),
        top_bit: topBit(toHex(node.boxKey)),
        short: toHex(node.boxKey.subarray(1)),
      },
      'not the canonical 32 bytes of a coordinate',
    ),
  ];
}

function words(): Vector[] {
  const { accepts, refuses } = suite('words', 'words');
  const id = nodeIdBytes(node.id);
  return [
    accepts('ok', 'the words of a node', id),
    accepts('ok_zero', 'the first word, eight times', new Uint8Array(20)),
    accepts('ok_ones', 'the last word, eight times', new Uint8Array(20).fill(255)),
    accepts('ok_later_bits', 'what comes after 88 bits does not count', flip(id, 11)),
    accepts('ok_last_bit', 'bit 88 is the last of the eighth word', flip(id, 10)),
    refuses('short', 'bad_node_id', '19 bytes', id.subarray(0, 19)),
  ];
}

export const keys = (): Vector[] => [
  ...speccheck(),
  ...signatures(),
  ...publicKeys(),
  ...words(),
];
