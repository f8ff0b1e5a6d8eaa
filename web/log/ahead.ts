import { toHex } from '../../bundle/bytes.ts';
import * as portable from '../../bundle/platform/portable.ts';

/**
 * What bundles rest on in the script that verifies a record, in place of `#platform` (scripts/commands.ts): that of any
 * browser, and signatures that the browser's own Ed25519 found good before, which takes a fraction of the time.
 */
export * from '../../bundle/platform/portable.ts';

type Signature = readonly [publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array];

/** Those that are good, by {@link nameOf}. */
let good = new Set<string>();
/** Those that are come upon, while they are looked for. */
let met: Signature[] | undefined;

/** As in bundle/platform/portable.ts, which has the last word about each that is not known to be good. */
export function ed25519VerifyRaw(...signature: Signature): boolean {
  if (met !== undefined) {
    met.push(signature);
    return true;
  }
  return good.has(nameOf(signature)) || portable.ed25519VerifyRaw(...signature);
}

/**
 * The result of what verifies signatures, which is called twice: once to find them, as if each were good, and
 * once with those that the browser then found good. Where it knows no Ed25519, none is.
 */
export async function verifiedAhead<T>(verifying: () => T): Promise<T> {
  met = [];
  let found: Signature[];
  try {
    verifying();
  } finally {
    found = met;
    met = undefined;
  }
  const names = await Promise.all(
    found.map(async (one) => ((await isGood(one)) ? [nameOf(one)] : [])),
  );
  good = new Set(names.flat());
  return verifying();
}

async function isGood([publicKey, message, signature]: Signature): Promise<boolean> {
  try {
    const key = await crypto.subtle.importKey('raw', bytes(publicKey), 'Ed25519', false, [
      'verify',
    ]);
    return await crypto.subtle.verify('Ed25519', key, bytes(signature), bytes(message));
  } catch {
    return false;
  }
}

const bytes = (all: Uint8Array) => all as Uint8Array<ArrayBuffer>;

/** No two have the same: key and signature have one length each. */
const nameOf = (signature: Signature): string => signature.map(toHex).join('');
