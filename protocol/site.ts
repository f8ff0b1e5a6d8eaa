import * as v from 'valibot';
import { equalBytes, fromBase64Url, fromHex, toBase64Url, toHex } from '../bundle/bytes.ts';
import { MAX_SEALED_BYTES } from '../bundle/header.ts';
import { decodeChain, encodeChain, verifyChain } from '../bundle/keyset.ts';
import type { SignedKeyset } from '../bundle/keyset.ts';
import { isServerAddress, isStoreOrigin } from './address.ts';
import { showPath } from '../bundle/errors.ts';
import { fail } from './errors.ts';
import { faultOfSitePath, MAX_SITE_PATHS } from './paths.ts';
import type { SitePath } from './paths.ts';

/** Whether an administrator decides about a node's proposals, or the node itself. */
export type Approval = 'required' | 'none';

/** One deployment, as its servers, its administrators and its node images all know it. */
export interface Site {
  /** 16 random bytes, chosen by `coatcheck init`. */
  readonly id: Uint8Array;
  /** For people: never an identity. */
  readonly name: string;
  /** The keyset that every chain must pass through. It counts as stored in `keysets/` always. */
  readonly pinned: SignedKeyset;
  /**
   * The keysets that led to the pinned one, oldest first. Who keeps a record reads by them what was
   * decided before; a node obeys nothing under them (docs/adr/0094).
   */
  readonly ancestors?: readonly SignedKeyset[];
  readonly approval: Approval;
  /**
   * Addresses, `http://host:port` or `https://host`, each with the path below which the server
   * answers, if it has one; in the order in which a node tries them.
   */
  readonly servers: readonly string[];
  /**
   * PEM certificates: who vouches for the servers, the store and the mirrors over TLS, and nobody else.
   * Absent: whoever the system believes.
   */
  readonly ca?: string;
  /**
   * Where the store answers: what a server's answer may lead to, besides the server itself
   * (`isStoreOrigin`). Absent: any host, at no address that only this machine or its link reaches.
   */
  readonly stores?: readonly string[];
  /** Limit on a sealed bundle, bytes; at most {@link MAX_SEALED_BYTES}. */
  readonly maxBundleBytes: number;
  /** Whether a node that reaches no server may apply what nobody approved. Absent: it may not. */
  readonly unapprovedWhenUnreachable?: boolean;
  /**
   * What its machines may be given besides what every machine may: at most {@link MAX_SITE_PATHS}.
   * Grows at its end, since machines of older images have the beginning of it.
   */
  readonly paths?: readonly SitePath[];
  /**
   * Who says what a machine's TPM gives its key to: the modulus of each key of RSA-2048, base64url. With one
   * `coatcheck.key=tpm` is bound to the signed images that the first signed policies for. The second is the one
   * before it, while a fleet goes over. Absent: keys are bound to no image.
   */
  readonly pcrKeys?: readonly string[];
  /** What a running node does when it learns that it was revoked. Absent: it runs on, and asks no more. */
  readonly onRevoke?: 'keep' | 'poweroff';
}

/** Of one site: the key that signs policies, and the one before it. */
const MAX_PCR_KEYS = 2;
const MIN_BUNDLE_BYTES = 1024;
/** Limit on a PEM text of certificates, bytes: no CA needs more. */
export const MAX_CA_BYTES = 32 * 1024;

/** Of one site: no store has more names. */
export const MAX_STORES = 16;

const SiteFile = v.strictObject({
  coatcheck: v.literal('site/1'),
  site: v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/, 'is 32 lower-case hex digits')),
  name: v.pipe(
    v.string(),
    v.regex(/^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$/, 'is 1 to 64 letters, digits, space . _ -'),
  ),
  keyset: v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]+$/, 'is base64url')),
  approval: v.picklist(['required', 'none']),
  servers: v.array(
    v.pipe(v.string(), v.check(isServerAddress, 'is an address such as https://host')),
  ),
  ca: v.exactOptional(v.pipe(v.string(), v.maxLength(MAX_CA_BYTES))),
  stores: v.exactOptional(
    v.pipe(
      v.array(
        v.pipe(
          v.string(),
          v.check(
            isStoreOrigin,
            'is an origin such as https://store.example or https://*.s3.example',
          ),
        ),
      ),
      v.maxLength(MAX_STORES),
    ),
  ),
  maxBundleBytes: v.pipe(
    v.number(),
    v.integer(),
    v.minValue(MIN_BUNDLE_BYTES),
    v.maxValue(MAX_SEALED_BYTES),
  ),
  unapprovedWhenUnreachable: v.exactOptional(v.boolean()),
  onRevoke: v.exactOptional(v.picklist(['keep', 'poweroff'])),
  pcrKeys: v.exactOptional(
    v.pipe(
      v.array(
        v.pipe(
          v.string(),
          v.regex(
            /^[A-Za-z0-9_-]{341}[AQgw]$/,
            'is the modulus of RSA-2048, 256 bytes in base64url',
          ),
        ),
      ),
      v.minLength(1, 'a list that is empty is left out'),
      v.maxLength(MAX_PCR_KEYS, `a site has at most ${MAX_PCR_KEYS} of them`),
      v.check((keys) => new Set(keys).size === keys.length, 'a key is there twice'),
    ),
  ),
  paths: v.exactOptional(
    v.pipe(
      v.array(
        v.strictObject({
          pattern: v.pipe(
            v.string(),
            v.rawCheck(({ dataset, addIssue }) => {
              if (!dataset.typed) return;
              const fault = faultOfSitePath(dataset.value);
              const pattern = showPath(dataset.value);
              if (fault !== undefined) addIssue({ message: `${pattern}: ${fault}` });
            }),
          ),
          secret: v.exactOptional(v.boolean()),
        }),
      ),
      v.minLength(1, 'a list that is empty is left out'),
      v.maxLength(MAX_SITE_PATHS, `a site has at most ${MAX_SITE_PATHS} patterns`),
      v.check(
        (paths) => new Set(paths.map(({ pattern }) => pattern)).size === paths.length,
        'a pattern is there twice',
      ),
    ),
  ),
});

/**
 * Reads a `site.json`. Unknown names are refused: a policy that this version does not know must
 * not be ignored silently.
 *
 * @param checkCa throws for PEM text that whoever reads the site could not use: on Node `parseCa`
 *   of `net/certificates.ts`; in a browser, which chooses itself whom it believes, nothing
 * @throws file_malformed
 */
export function parseSite(text: string, checkCa: (pem: string) => unknown): Site {
  const file = v.safeParse(SiteFile, parseJson(text));
  if (!file.success) {
    const [issue] = file.issues;
    throw malformed(`${v.getDotPath(issue) ?? 'the file'}: ${issue.message}`);
  }
  const { coatcheck, site, keyset, ...plain } = file.output;
  if (plain.ca !== undefined) assertCa(plain.ca, checkCa);
  const { pinned, ancestors } = readKeysets(keyset);
  const id = fromHex(site);
  if (!equalBytes(id, pinned.keyset.site)) throw malformed('keyset: it belongs to another site');
  return { id, pinned, ...(ancestors.length > 0 && { ancestors }), ...plain };
}

/** Every keyset that the site file vouches for, oldest first; the pinned one is the last. */
export function keysetsOf({
  ancestors: [oldest, ...others] = [],
  pinned,
}: Pick<Site, 'pinned' | 'ancestors'>): [SignedKeyset, ...SignedKeyset[]] {
  return oldest === undefined ? [pinned] : [oldest, ...others, pinned];
}

/** The text of a `site.json`, ending in a line feed: {@link parseSite} gives the same site back. */
export function formatSite(site: Site): string {
  const { id, pinned, ancestors = [], servers, stores, paths, pcrKeys, ...plain } = site;
  const file: v.InferInput<typeof SiteFile> = {
    coatcheck: 'site/1',
    site: toHex(id),
    keyset: toBase64Url(encodeChain(keysetsOf({ pinned, ancestors }))),
    servers: [...servers],
    ...(stores !== undefined && { stores: [...stores] }),
    ...(paths !== undefined && { paths: [...paths] }),
    ...(pcrKeys !== undefined && { pcrKeys: [...pcrKeys] }),
    ...plain,
  };
  return `${JSON.stringify(file, undefined, 2)}\n`;
}

/** What a server needs of a site: it opens no bundle, and where it and its store are is for its clients. */
export function forServer({
  paths: _,
  ca: _ca,
  stores: _stores,
  pcrKeys: _keys,
  ...site
}: Site): Site {
  return { ...site, servers: [] };
}

function assertCa(pem: string, check: (pem: string) => unknown): void {
  try {
    check(pem);
  } catch (cause) {
    throw malformed('ca: is PEM certificates that can be read', cause);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (cause) {
    throw malformed('it is not JSON', cause);
  }
}

function readKeysets(text: string): { ancestors: SignedKeyset[]; pinned: SignedKeyset } {
  try {
    const chain = decodeChain(fromBase64Url(text));
    const pinned = chain.at(-1)!;
    verifyChain(chain, pinned);
    return { ancestors: chain.slice(0, -1), pinned };
  } catch (cause) {
    throw malformed('keyset: it is not a signed keyset, after those that led to it', cause);
  }
}

function malformed(reason: string, cause?: unknown): Error {
  return fail('file_malformed', `this is not a site file of coatcheck: ${reason}`, { cause });
}
