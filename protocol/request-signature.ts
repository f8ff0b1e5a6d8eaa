import { fromBase64, fromBase64Url, toBase64, toBase64Url, toHex, utf8 } from '../bundle/bytes.ts';
import { verifyStrict } from '../bundle/ed25519.ts';
import type { Identity, PublicKeys } from '../bundle/identity.ts';
import { ed25519Sign, sha256 } from '#platform';
import { fail } from './errors.ts';

/**
 * HTTP Message Signatures (RFC 9421) by one fixed template: the same seven components in the same
 * order, one label, three parameters. Whoever verifies rebuilds the two headers from what they
 * must say and compares, so there is no parser to confuse; any RFC 9421 library can make or check
 * them (docs/http-api.md, "Signed requests").
 */
const COMPONENTS =
  '("@method" "@authority" "@path" "@query" "content-digest" "coatcheck-box-key" "coatcheck-site")';

/** How far `created` may be from the clock of whoever verifies, seconds, either way. */
export const MAX_SKEW_SECONDS = 300;

/** The headers that a signed request carries, in lower case. */
export const SIGNATURE_HEADERS = [
  'content-digest',
  'coatcheck-box-key',
  'coatcheck-site',
  'signature-input',
  'signature',
] as const;

const NO_BODY = new Uint8Array();
const NO_BODY_DIGEST = digestField(NO_BODY);

/** What is signed of a URL; a `URL` is one. The host is in lower case, without a default port. */
export type RequestTarget = Pick<URL, 'host' | 'pathname' | 'search'>;

interface Covered {
  readonly method: string;
  readonly url: RequestTarget;
  readonly contentDigest: string;
  readonly boxKey: string;
  readonly siteHex: string;
}

/** What is signed of a request, before it is. */
export interface UnsignedRequest {
  readonly method: string;
  readonly url: RequestTarget;
  readonly body?: Uint8Array;
  /** 16 bytes */
  readonly site: Uint8Array;
  /** Unix time, seconds */
  readonly created: number;
}

/** The headers of a signature, to be sent as they are. */
export type SignedHeaders = Record<(typeof SIGNATURE_HEADERS)[number], string>;

/** Signs a request. */
export function signRequest(request: UnsignedRequest & { identity: Identity }): SignedHeaders {
  const { method, url, body = NO_BODY, identity, created } = request;
  const contentDigest = digestField(body);
  const boxKey = toBase64Url(identity.boxKey);
  const siteHex = toHex(request.site);
  const parameters = parametersOf(created, toBase64Url(identity.signKey));
  const base = signatureBase({ method, url, contentDigest, boxKey, siteHex }, parameters);
  return {
    'content-digest': contentDigest,
    'coatcheck-box-key': boxKey,
    'coatcheck-site': siteHex,
    'signature-input': `coatcheck=${parameters}`,
    signature: `coatcheck=:${toBase64(ed25519Sign(identity.signSecret, base))}:`,
  };
}

/** A request whose headers verified, and whose body was not looked at yet. */
export interface VerifiedHead {
  /** The keys of whoever signed it: what they may do is for the caller to judge. */
  readonly signer: PublicKeys;
  /**
   * @param body every byte received; empty for GET
   * @throws content_digest_mismatch
   */
  readonly demandBody: (body: Uint8Array) => void;
}

/**
 * Verifies a signed request by its headers alone, strictly: one signature, exactly the template's. It
 * covers the digest of the body, so that nobody's body need be read but that of whoever signed it.
 *
 * @param request.target as the client named it
 * @param request.hosts the authorities by which clients name this server, one or more: one of them must
 *   be signed
 * @param request.header a header's value by its lower-case name
 * @param request.now Unix time, seconds
 * @throws signature_missing, signature_malformed, wrong_site, signature_expired (with `now` in its
 *   details, so that a node whose clock is wrong can sign again), signature_invalid (with the
 *   `authority` that is reckoned with)
 */
export function verifyHead(request: {
  method: string;
  target: Omit<RequestTarget, 'host'>;
  hosts: readonly string[];
  header: (name: string) => string | undefined;
  site: Uint8Array;
  now: number;
}): VerifiedHead {
  const { method, target, hosts, header, now } = request;
  const [contentDigest, boxKey, siteHex, input, signature] = SIGNATURE_HEADERS.map(header);
  if (input === undefined || signature === undefined) {
    throw fail('signature_missing', 'this route needs a request signed as docs/http-api.md says');
  }
  if (contentDigest === undefined || boxKey === undefined || siteHex === undefined) {
    throw malformed('content-digest, coatcheck-box-key and coatcheck-site must be sent and signed');
  }
  const { created, keyid, parameters } = readParameters(input);
  const signer = { signKey: readKey(keyid), boxKey: readKey(boxKey) };
  if (siteHex !== toHex(request.site)) {
    throw fail('wrong_site', 'the request is signed for another site than this server serves');
  }
  if (Math.abs(now - created) > MAX_SKEW_SECONDS) {
    throw fail(
      'signature_expired',
      `the request was signed more than ${MAX_SKEW_SECONDS} seconds from this server's time; sign it again with that time`,
      { details: { now } },
    );
  }
  const bytes = readSignature(signature);
  const isSigned = hosts.some((host) => {
    const url = { pathname: target.pathname, search: target.search, host };
    const base = signatureBase({ method, url, contentDigest, boxKey, siteHex }, parameters);
    return verifyStrict(signer.signKey, base, bytes);
  });
  if (!isSigned) {
    const authority = hosts.join(', ');
    throw fail(
      'signature_invalid',
      `the signature is not that of the named key over this method, path and query at ${authority}, as this server is called by what it was told (does a proxy rename it?)`,
      { details: { authority } },
    );
  }
  return {
    signer,
    demandBody: (body) => {
      if (contentDigest === (body.length === 0 ? NO_BODY_DIGEST : digestField(body))) return;
      throw fail(
        'content_digest_mismatch',
        'content-digest is not the SHA-256 of the body received',
      );
    },
  };
}

/**
 * Verifies a whole request, {@link verifyHead} and the body.
 *
 * @param request.url as the client named it: its host is the authority that must be signed
 * @returns the keys of whoever signed
 * @throws as {@link verifyHead}; content_digest_mismatch
 */
export function verifyRequest(request: {
  method: string;
  url: RequestTarget;
  header: (name: string) => string | undefined;
  body: Uint8Array;
  site: Uint8Array;
  now: number;
}): PublicKeys {
  const { url, body, ...head } = request;
  const { signer, demandBody } = verifyHead({ ...head, target: url, hosts: [url.host] });
  demandBody(body);
  return signer;
}

/** `Content-Digest` of RFC 9530, SHA-256 only. */
function digestField(body: Uint8Array): string {
  return `sha-256=:${toBase64(sha256(body))}:`;
}

function parametersOf(created: number, keyid: string): string {
  return `${COMPONENTS};created=${created};keyid="${keyid}";alg="ed25519"`;
}

/** RFC 9421, section 2.5. `URL` has lower-cased the host and dropped a default port already. */
function signatureBase(covered: Covered, parameters: string): Uint8Array {
  const { method, url } = covered;
  return utf8(
    `"@method": ${method}\n` +
      `"@authority": ${url.host}\n` +
      `"@path": ${url.pathname}\n` +
      `"@query": ${url.search || '?'}\n` +
      `"content-digest": ${covered.contentDigest}\n` +
      `"coatcheck-box-key": ${covered.boxKey}\n` +
      `"coatcheck-site": ${covered.siteHex}\n` +
      `"@signature-params": ${parameters}`,
  );
}

function readParameters(input: string): { created: number; keyid: string; parameters: string } {
  const [, digits = '', keyid = ''] = /;created=(\d{1,12});keyid="([\w-]{43})"/.exec(input) ?? [];
  const created = Number(digits);
  const parameters = parametersOf(created, keyid);
  if (input !== `coatcheck=${parameters}`) {
    throw malformed('signature-input does not follow the template');
  }
  return { created, keyid, parameters };
}

function readKey(text: string): Uint8Array {
  if (!/^[\w-]{43}$/.test(text)) throw malformed('a key is 32 bytes in base64url, unpadded');
  return decoded(() => fromBase64Url(text));
}

function readSignature(field: string): Uint8Array {
  const text = /^coatcheck=:([A-Za-z0-9+/]{86}==):$/.exec(field)?.[1];
  if (text === undefined) throw malformed('signature is coatcheck=:<64 bytes in base64>:');
  return decoded(() => fromBase64(text));
}

function decoded(decode: () => Uint8Array): Uint8Array {
  try {
    return decode();
  } catch (cause) {
    throw malformed('a header is not canonical base64', cause);
  }
}

function malformed(reason: string, cause?: unknown): Error {
  return fail('signature_malformed', `the request's signature cannot be read: ${reason}`, {
    cause,
  });
}
