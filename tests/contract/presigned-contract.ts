import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { approvedKey, parseDigest, pendingKey, reportKey } from '../../protocol/keys.ts';
import type { DigestHex, ObjectKey } from '../../protocol/keys.ts';
import type { ObjectStore, PresignedPut, UrlSigner } from '../../store/port.ts';
import { send } from '../support/raw-http.ts';
import type { RawAnswer } from '../support/raw-http.ts';
import { node } from './store-contract.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const digestOf = (body: Uint8Array): Uint8Array =>
  new Uint8Array(createHash('sha256').update(body).digest());
const hexOf = (body: Uint8Array): DigestHex =>
  parseDigest(Buffer.from(digestOf(body)).toString('hex'));
const LIMIT = { maxBytes: 1024 };

export interface SignersUnderTest {
  /** Signers for the store with the upload and the download credential. */
  readonly signer: (
    credential: 'upload' | 'download',
    options?: { now?: () => number },
  ) => UrlSigner;
  /** The store itself, to put things in place and to look at what came of a request. */
  readonly store: ObjectStore;
  /** The `x-amz-copy-source` that names an object, as this server takes it. */
  readonly copySource: (key: ObjectKey) => string;
}

export interface SignerQuirks {
  /** Unsigned headers that the server takes, and that change nothing about the bytes. */
  readonly toleratedHeaders?: readonly string[];
}

const ADDED_HEADERS: Readonly<Record<string, string>> = {
  'x-amz-meta-note': 'evil',
  'x-amz-acl': 'public-read',
  'x-amz-tagging': 'a=b',
  'x-amz-storage-class': 'REDUCED_REDUNDANCY',
  'x-amz-website-redirect-location': 'http://evil.test/',
  'x-amz-checksum-crc32': 'AAAAAA==',
};

/** What every `UrlSigner` promises, tried by a client that has the URL and no credentials. */
export function presignedContract(
  name: string,
  make: () => Promise<SignersUnderTest>,
  quirks: SignerQuirks = {},
): void {
  describe(`presigned URLs: ${name}`, () => {
    let under: SignersUnderTest;
    let next = 0;
    beforeAll(async () => {
      under = await make();
    });

    /** A body of 24 bytes that no other test uses, and an upload of it. */
    async function upload(options: { now?: () => number } = {}): Promise<{
      key: ObjectKey;
      body: Uint8Array;
      put: PresignedPut;
    }> {
      const body = bytes(`bundle ${String(next++).padStart(17, '0')}`);
      const key = pendingKey(node(next), hexOf(body));
      const put = await under.signer('upload', options).signPut(key, {
        size: body.length,
        sha256: digestOf(body),
        expiresInSeconds: 60,
      });
      return { key, body, put };
    }
    const stored = async (key: ObjectKey): Promise<string | undefined> => {
      const object = await under.store.get(key, LIMIT);
      return object && new TextDecoder().decode(object.body);
    };
    const expectRefused = (answer: RawAnswer, what: string): void => {
      expect(answer.status, what).toBeGreaterThanOrEqual(400);
      expect(answer.status, what).toBeLessThan(500);
      expect(answer.code, what).not.toBe('NoSuchKey');
    };

    describe('PUT', () => {
      it('works exactly as given, once', async () => {
        const { key, body, put } = await upload();
        const { url, headers } = put;
        expect((await send(url, { method: 'PUT', headers, body })).status).toBe(200);
        expect(await stored(key)).toBe(new TextDecoder().decode(body));

        const again = await send(url, { method: 'PUT', headers, body });
        expect(again).toMatchObject({ status: 412, code: 'PreconditionFailed' });
      });

      it('works with fetch, which is what nodes use', async () => {
        const { key, body, put } = await upload();
        const { url, headers } = put;
        const answer = await fetch(url, { method: 'PUT', headers, body: body as BodyInit });
        expect(answer.status).toBe(200);
        expect(await stored(key)).toBe(new TextDecoder().decode(body));
      });

      it('says when it ends', async () => {
        const { put } = await upload({ now: () => 1_800_000_000 });
        expect(put.expiresAt.getTime()).toBeLessThanOrEqual(1_800_000_060_000);
      });

      it('does not overwrite', async () => {
        const { key, body, put } = await upload();
        await under.store.create(key, bytes('was here first'));
        const answer = await send(put.url, { method: 'PUT', headers: put.headers, body });
        expect(answer.status).toBe(412);
        expect(await stored(key)).toBe('was here first');
      });

      it('overwrites where it was signed to', async () => {
        const key = reportKey(node(next++));
        for (const text of ['report one', 'report two']) {
          const { url, headers } = await under.signer('upload').signPut(key, {
            size: text.length,
            sha256: digestOf(bytes(text)),
            expiresInSeconds: 60,
            overwrite: true,
          });
          expect(headers).not.toHaveProperty('if-none-match');
          const answer = await send(url, { method: 'PUT', headers, body: bytes(text) });
          expect(answer.status).toBe(200);
          expect(await stored(key)).toBe(text);
        }
      });

      it('refuses another body', async () => {
        const { key, put, body } = await upload();
        const { url, headers } = put;
        const other = body.map((byte) => byte ^ 1);
        const longer = bytes(`${new TextDecoder().decode(body)}!`);
        const shorter = body.subarray(1);
        const bodies = { other, longer, shorter, none: new Uint8Array() };
        for (const [what, wrong] of Object.entries(bodies)) {
          const fitting = { ...headers, 'content-length': String(wrong.length) };
          expectRefused(await send(url, { method: 'PUT', headers: fitting, body: wrong }), what);
          expect(await stored(key), what).toBeUndefined();
        }
      });

      it('refuses another body although its checksum header fits it', async () => {
        const { key, put, body } = await upload();
        const other = body.map((byte) => byte ^ 1);
        const sum = Buffer.from(digestOf(other)).toString('base64');
        const headers = { ...put.headers, 'x-amz-checksum-sha256': sum };
        expectRefused(await send(put.url, { method: 'PUT', headers, body: other }), 'checksum');
        expect(await stored(key)).toBeUndefined();
      });

      it('refuses another key', async () => {
        const { key, put, body } = await upload();
        const other = pendingKey(node(++next), hexOf(body));
        const url = put.url.replace(key, other);
        expect(url).not.toBe(put.url);
        expectRefused(await send(url, { method: 'PUT', headers: put.headers, body }), 'key');
        expect(await stored(other)).toBeUndefined();
      });

      it('refuses another method', async () => {
        const { key, put, body } = await upload();
        await under.store.create(key, bytes('precious'));
        for (const method of ['GET', 'DELETE', 'POST']) {
          expectRefused(await send(put.url, { method, headers: put.headers, body }), method);
        }
        expect(await stored(key)).toBe('precious');
      });

      it('refuses to do without, or to change, any header that was given', async () => {
        const { key, put, body } = await upload();
        const names = Object.keys(put.headers);
        expect(names).toEqual(
          expect.arrayContaining(['content-length', 'if-none-match', 'x-amz-checksum-sha256']),
        );
        for (const header of names) {
          const { [header]: given, ...headers } = put.headers;
          // A body needs a length or chunks, so that is what leaving the length out means.
          const framing = header === 'content-length' ? { 'transfer-encoding': 'chunked' } : {};
          const without = { ...headers, ...framing };
          expectRefused(
            await send(put.url, { method: 'PUT', headers: without, body }),
            `without ${header}`,
          );
          if (header === 'content-length') continue; // another one is in "refuses another body"
          const changed = { ...headers, [header]: given === '*' ? '"etag"' : `${given!}x` };
          expectRefused(
            await send(put.url, { method: 'PUT', headers: changed, body }),
            `another ${header}`,
          );
        }
        expect(await stored(key)).toBeUndefined();
      });

      it('refuses an added x-amz-copy-source', async () => {
        const secret = approvedKey(node(next++));
        await under.store.create(secret, bytes('another node'));
        const { key, put, body } = await upload();
        const headers = { ...put.headers, 'x-amz-copy-source': under.copySource(secret) };
        for (const sent of [body, new Uint8Array()]) {
          const fitting = { ...headers, 'content-length': String(sent.length) };
          const answer = await send(put.url, { method: 'PUT', headers: fitting, body: sent });
          expectRefused(answer, 'copy');
        }
        expect(await stored(key)).toBeUndefined();
      });

      it.each(Object.keys(ADDED_HEADERS))('refuses an added %s, or is unmoved', async (header) => {
        const { key, put, body } = await upload();
        const headers = { ...put.headers, [header]: ADDED_HEADERS[header]! };
        const answer = await send(put.url, { method: 'PUT', headers, body });
        if (quirks.toleratedHeaders?.includes(header)) {
          expect(answer.status).toBe(200);
          expect(await stored(key)).toBe(new TextDecoder().decode(body));
        } else {
          expectRefused(answer, header);
          expect(await stored(key)).toBeUndefined();
        }
      });

      it('refuses a URL that was changed', async () => {
        const { key, put, body } = await upload();
        for (const [what, url] of changedUrls(put.url)) {
          expectRefused(await send(url, { method: 'PUT', headers: put.headers, body }), what);
        }
        expect(await stored(key)).toBeUndefined();
      });

      it('refuses once it has expired', async () => {
        const { key, put, body } = await upload({ now: () => Date.now() / 1000 - 62 });
        const answer = await send(put.url, { method: 'PUT', headers: put.headers, body });
        expect(answer).toMatchObject({ status: 403, code: 'AccessDenied' });
        expect(await stored(key)).toBeUndefined();
      });

      it('cannot be signed for a prefix that the credential may not write', async () => {
        const body = bytes('forged');
        const key = approvedKey(node(next++));
        for (const credential of ['upload', 'download'] as const) {
          const put = await under.signer(credential).signPut(key, {
            size: body.length,
            sha256: digestOf(body),
            expiresInSeconds: 60,
          });
          const answer = await send(put.url, { method: 'PUT', headers: put.headers, body });
          expect(answer).toMatchObject({ status: 403, code: 'AccessDenied' });
        }
        expect(await stored(key)).toBeUndefined();
      });
    });

    describe('GET', () => {
      const download = (
        key: ObjectKey,
        options: { now?: () => number } = {},
      ): Promise<{ url: string; expiresAt: Date }> =>
        under.signer('download', options).signGet(key, { expiresInSeconds: 60 });

      it('gives the object, as often as asked', async () => {
        const key = approvedKey(node(next++));
        await under.store.create(key, bytes('approved'));
        const { url } = await download(key);
        for (let i = 0; i < 2; i++) {
          const answer = await send(url, { method: 'GET' });
          expect(answer.status).toBe(200);
          expect(answer.body.toString()).toBe('approved');
        }
      });

      it('says NoSuchKey, and that only, where nothing is', async () => {
        const { url } = await download(approvedKey(node(next++)));
        expect(await send(url, { method: 'GET' })).toMatchObject({
          status: 404,
          code: 'NoSuchKey',
        });
      });

      it('refuses another key, method or URL', async () => {
        const key = approvedKey(node(next++));
        const other = approvedKey(node(next++));
        await under.store.create(key, bytes('mine'));
        await under.store.create(other, bytes('not mine'));
        const { url } = await download(key);
        expectRefused(await send(url.replace(key, other), { method: 'GET' }), 'key');
        const body = bytes('x');
        const headers = { 'content-length': '1' };
        for (const method of ['PUT', 'POST', 'DELETE']) {
          expectRefused(await send(url, { method, headers, body }), method);
        }
        for (const [what, changed] of changedUrls(url)) {
          expectRefused(await send(changed, { method: 'GET' }), what);
        }
        expect(await stored(key)).toBe('mine');
      });

      it('refuses once it has expired', async () => {
        const key = approvedKey(node(next++));
        await under.store.create(key, bytes('late'));
        const { url } = await download(key, { now: () => Date.now() / 1000 - 62 });
        expect(await send(url, { method: 'GET' })).toMatchObject({ status: 403 });
      });

      it('cannot be signed for a prefix that the credential may not read', async () => {
        const { key, body } = await upload();
        await under.store.create(key, body);
        const theirs = approvedKey(node(next++));
        await under.store.create(theirs, bytes('theirs'));
        for (const [credential, secret] of [
          ['download', key],
          ['upload', key],
          ['upload', theirs],
        ] as const) {
          const { url } = await under.signer(credential).signGet(secret, { expiresInSeconds: 60 });
          const answer = await send(url, { method: 'GET' });
          expect(answer, credential).toMatchObject({ status: 403, code: 'AccessDenied' });
        }
      });
    });
  });
}

/** The same URL with one thing about its query changed. */
function* changedUrls(url: string): Generator<[what: string, url: string]> {
  for (const name of new URL(url).searchParams.keys()) {
    if (name === 'x-id') continue; // the SDK's note to itself, which no server reads
    const without = new URL(url);
    without.searchParams.delete(name);
    yield [`without ${name}`, without.href];
    const changed = new URL(url);
    const value = changed.searchParams.get(name)!;
    const digit = /\d/.exec(value)?.[0];
    changed.searchParams.set(
      name,
      digit ? value.replace(digit, String((Number(digit) + 1) % 10)) : `${value}x`,
    );
    yield [`another ${name}`, changed.href];
  }
  const added = new URL(url);
  added.searchParams.set('versionId', 'null');
  yield ['an added parameter', added.href];
}
