import { formatKeyFile, parseKeyFile } from '../../../agent/identity/keys/key-file.ts';
import { deriveIdentity, toBase64Url, utf8 } from '../../../bundle/index.ts';
import { concat } from '../../../bundle/bytes.ts';
import { openKeyFile } from '../../../cli/key-file.ts';
import type { Target } from '../engine/target.ts';
import { demand, sameText, verdictOf } from '../engine/verdict.ts';

const seed = new Uint8Array(32).fill(1);
const { signKey, boxKey } = deriveIdentity(seed);
const admin = {
  coatcheck: 'admin-key/1',
  signKey: toBase64Url(signKey),
  boxKey: toBase64Url(boxKey),
  seed: toBase64Url(seed),
};
const sealed = {
  ...{ kdf: 'scrypt', N: 32_768, r: 8, p: 1, salt: 'A'.repeat(22), nonce: 'A'.repeat(32) },
  box: 'A'.repeat(64),
};
const file = (value: unknown): Uint8Array => concat(Uint8Array.of(1), utf8(JSON.stringify(value)));

class Asked extends Error {}
const ask = (): Promise<string> => Promise.reject(new Asked());

/**
 * The key file of a node (first byte even) or of an administrator: there is one text for each seed
 * of a node, and an administrator's opens to the public keys that it names, or asks for a
 * passphrase.
 */
export const target: Target = {
  async run(input) {
    const isAdmin = ((input[0] ?? 0) & 1) === 1;
    const content = input.subarray(1);
    const outcome = await verdictOf(async () => {
      if (!isAdmin) {
        const text = Buffer.from(content).toString('latin1');
        sameText(formatKeyFile(parseKeyFile(text, 'key')), text, 'key file written again');
        return 'ok node';
      }
      try {
        const identity = await openKeyFile(content, ask, 'admin.key');
        const named = JSON.parse(Buffer.from(content).toString()) as typeof admin;
        sameText(toBase64Url(identity.signKey), named.signKey, 'key');
        demand(named.coatcheck === 'admin-key/1', 'it is another file');
        return 'ok admin';
      } catch (error) {
        if (error instanceof Asked) return 'asks';
        throw error;
      }
    });
    const expected = /^(ok node|ok admin|asks|file_malformed|weak_secret)$/;
    demand(expected.test(outcome), `refused as ${outcome}`);
    return outcome;
  },
  seeds: [
    concat(Uint8Array.of(0), utf8(formatKeyFile(seed))),
    concat(Uint8Array.of(0), utf8(formatKeyFile(new Uint8Array(32).fill(255)))),
    file(admin),
    file({ ...admin, seed: sealed }),
    file({ ...admin, seed: { ...sealed, N: 2 ** 30 } }),
    file([]),
  ],
  words: [
    'coatcheck key 1\n',
    'seed ',
    'sum ',
    '\n',
    '\r\n',
    '__proto__',
    '"',
    'null',
    '1e9',
    '-',
    '=',
  ],
  limits: { maxBytes: 700, work: [20_000, 200], allocated: [8192, 16] },
};
