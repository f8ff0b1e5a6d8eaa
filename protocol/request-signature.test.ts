import { createHash, createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import { appendSignature, createSignature, verifySignature } from 'http-message-sig';
import { describe, expect, it } from 'vitest';
import { toBase64Url, toHex, utf8 } from '../bundle/bytes.ts';
import { deriveIdentity } from '../bundle/identity.ts';
import { codeOf } from './errors.ts';
import { SIGNATURE_HEADERS, signRequest, verifyRequest } from './request-signature.ts';

const identity = deriveIdentity(new Uint8Array(32).fill(7));
const site = new Uint8Array(16).fill(9);
const NOW = 1_790_000_000;
const target = new URL('https://coatcheck.example/v1/nodes/abc/config?waiting=00ff');
const body = utf8('{"a":1}') as Uint8Array<ArrayBuffer>;

type HeaderMap = Record<string, string>;

function signed(changes: Partial<Parameters<typeof signRequest>[0]> = {}): HeaderMap {
  return signRequest({
    method: 'POST',
    url: target,
    body,
    site,
    identity,
    created: NOW,
    ...changes,
  });
}

type Changes = Partial<Parameters<typeof verifyRequest>[0]>;

function verified(headers: HeaderMap, changes: Changes = {}): ReturnType<typeof verifyRequest> {
  return verifyRequest({
    method: 'POST',
    url: target,
    header: (name) => headers[name],
    body,
    site,
    now: NOW,
    ...changes,
  });
}

function verdict(headers: HeaderMap, changes: Changes = {}): string {
  try {
    verified(headers, changes);
    return 'ok';
  } catch (error) {
    return codeOf(error);
  }
}

describe('a signed request', () => {
  it('gives back the keys of whoever signed it', () => {
    const keys = verified(signed());
    expect(keys).toEqual({ signKey: identity.signKey, boxKey: identity.boxKey });
  });

  it('covers the empty body of a GET', () => {
    const headers = signRequest({ method: 'GET', url: target, site, identity, created: NOW });
    expect(verdict(headers, { method: 'GET', body: new Uint8Array() })).toBe('ok');
    expect(verdict(headers, { method: 'GET' })).toBe('content_digest_mismatch');
  });

  it.each([
    ['another method', { method: 'PUT' }, 'signature_invalid'],
    ['another host', { url: new URL(target.href.replace('example', 'test')) }, 'signature_invalid'],
    ['another port', { url: new URL(target.href.replace('/v1', ':8443/v1')) }, 'signature_invalid'],
    ['another path', { url: new URL(target.href.replace('abc', 'abd')) }, 'signature_invalid'],
    ['another query', { url: new URL(target.href.replace('00ff', '00fe')) }, 'signature_invalid'],
    ['no query', { url: new URL(target.href.replace(/\?.*/, '')) }, 'signature_invalid'],
    ['another body', { body: utf8('{"a":2}') }, 'content_digest_mismatch'],
    ['another site', { site: new Uint8Array(16).fill(8) }, 'wrong_site'],
    ['301 seconds later', { now: NOW + 301 }, 'signature_expired'],
    ['301 seconds earlier', { now: NOW - 301 }, 'signature_expired'],
    ['300 seconds later', { now: NOW + 300 }, 'ok'],
    ['300 seconds earlier', { now: NOW - 300 }, 'ok'],
  ])('is judged for %s', (_, changes, code) => {
    expect(verdict(signed(), changes)).toBe(code);
  });

  it('tells the time to a client whose clock is wrong', () => {
    expect(() => verified(signed({ created: 0 }))).toThrow(
      expect.objectContaining({ details: { now: NOW } }) as Error,
    );
  });

  it('needs every header', () => {
    for (const name of SIGNATURE_HEADERS) {
      const headers = signed();
      const header = (asked: string): string | undefined =>
        asked === name ? undefined : headers[asked];
      expect(verdict(headers, { header }), name).toBe(
        name.startsWith('signature') ? 'signature_missing' : 'signature_malformed',
      );
    }
  });

  it('refuses another key in place of a signed one', () => {
    const other = toBase64Url(deriveIdentity(new Uint8Array(32).fill(8)).boxKey);
    expect(verdict({ ...signed(), 'coatcheck-box-key': other })).toBe('signature_invalid');
    const input = signed()['signature-input']!.replace(/keyid="[^"]+"/, `keyid="${other}"`);
    expect(verdict({ ...signed(), 'signature-input': input })).toBe('signature_invalid');
  });

  it.each([
    ['another label', (s: string) => s.replace('coatcheck=', 'sig1=')],
    ['a component less', (s: string) => s.replace('"@query" ', '')],
    [
      'components in another order',
      (s: string) => s.replace('"@path" "@query"', '"@query" "@path"'),
    ],
    ['no components', (s: string) => s.replace(/\([^)]*\)/, '()')],
    ['another algorithm', (s: string) => s.replace('alg="ed25519"', 'alg="hmac-sha256"')],
    ['a parameter more', (s: string) => `${s};nonce="x"`],
    ['a second signature', (s: string) => `${s}, ${s.replace('coatcheck=', 'b=')}`],
    ['spaces', (s: string) => s.replace(';created', '; created')],
    ['a leading zero', (s: string) => s.replace('created=', 'created=0')],
    ['a negative time', (s: string) => s.replace('created=', 'created=-')],
    ['a short key', (s: string) => s.replace(/keyid=".{4}/, 'keyid="')],
    ['nothing', () => ''],
  ])('refuses a signature-input with %s', (_, change) => {
    const input = change(signed()['signature-input']!);
    expect(verdict({ ...signed(), 'signature-input': input })).toBe('signature_malformed');
  });

  it.each([
    ['not base64', 'coatcheck=:!!!!:', 'signature_malformed'],
    ['another label', 'sig1=:AAAA:', 'signature_malformed'],
    ['fill bits set', `coatcheck=:${'A'.repeat(85)}B==:`, 'signature_malformed'],
    ['all zero', `coatcheck=:${'A'.repeat(86)}==:`, 'signature_invalid'],
  ])('refuses a signature that is %s', (_, signature, code) => {
    expect(verdict({ ...signed(), signature })).toBe(code);
  });

  it('refuses a key of small order, under which any message might verify', () => {
    const weak = toBase64Url(new Uint8Array(32));
    const input = signed()['signature-input']!.replace(/keyid="[^"]+"/, `keyid="${weak}"`);
    expect(verdict({ ...signed(), 'signature-input': input })).toBe('signature_invalid');
  });
});

/** The independent implementation, given only what docs/http-api.md says. */
describe('RFC 9421 as http-message-sig implements it', () => {
  const components = [
    '@method',
    '@authority',
    '@path',
    '@query',
    'content-digest',
    'coatcheck-box-key',
    'coatcheck-site',
  ];
  const pkcs8 = Buffer.from('302e020100300506032b657004220420', 'hex');
  const secret = createPrivateKey({
    key: Buffer.concat([pkcs8, identity.signSecret]),
    format: 'der',
    type: 'pkcs8',
  });
  const now = Math.floor(Date.now() / 1000);

  it.each(['', '?', '?waiting=00ff&b=%20c'])('verifies what we sign, query "%s"', async (query) => {
    const url = new URL(`http://coatcheck.example:8420/v1/nodes/abc/proposals${query}`);
    const headers = signRequest({ method: 'POST', url, body, site, identity, created: now });
    const verified = await verifySignature(new Request(url, { method: 'POST', body, headers }), {
      policy: {
        algorithms: ['ed25519'],
        requiredComponents: components,
        requiredParameters: ['created', 'keyid', 'alg'],
        maxAge: 300,
      },
      resolveVerifier: (candidate) => {
        expect(candidate.parameters.keyid).toBe(toBase64Url(identity.signKey));
        return {
          algorithm: 'ed25519',
          verify: (data, signature) => verify(null, data, createPublicKey(secret), signature),
        };
      },
    });
    expect(verified.label).toBe('coatcheck');
  });

  it.each(['', '?waiting=00ff'])('makes what we verify, query "%s"', async (query) => {
    const url = new URL(`https://coatcheck.example/v1/nodes/abc/proposals${query}`);
    const request = new Request(url, {
      method: 'POST',
      body,
      headers: {
        'content-digest': `sha-256=:${createHash('sha256').update(body).digest('base64')}:`,
        'coatcheck-box-key': toBase64Url(identity.boxKey),
        'coatcheck-site': toHex(site),
      },
    });
    const fields = await createSignature(request, {
      label: 'coatcheck',
      components,
      parameters: { created: NOW, keyid: toBase64Url(identity.signKey), alg: 'ed25519' },
      signer: { algorithm: 'ed25519', sign: (data) => sign(null, data, secret) },
    });
    const headers = appendSignature(request.headers, fields);
    expect(verdict(Object.fromEntries(headers), { url: new URL(request.url) })).toBe('ok');
  });
});
