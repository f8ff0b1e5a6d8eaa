// @module-tag long
import * as fs from 'node:fs';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '#platform';
import { utf8 } from '../../bundle/bytes.ts';
import { writeCredentials } from '../../functions/stores/credentials.ts';
import { createClient } from '../../protocol/client.ts';
import type { PutAnswer } from '../../protocol/http.ts';
import { digestHex, parseDigest } from '../../protocol/keys.ts';
import type { ObjectKey } from '../../protocol/keys.ts';
import { parseCa } from '../../net/certificates.ts';
import { parseSite } from '../../protocol/site.ts';
import type { Site } from '../../protocol/site.ts';
import { createFilesystemStore } from '../../store/filesystem.ts';
import type { ObjectStore } from '../../store/port.ts';
import { listAll } from '../../store/port.ts';
import { runCli, startServe } from '../support/cli.ts';
import type { Served } from '../support/cli.ts';
import { describeWith } from '../support/components.ts';
import { makeMachine } from '../support/machine.ts';
import type { Machine } from '../support/machine.ts';
import { freshBucket } from '../support/minio.ts';
import { send } from '../support/raw-http.ts';

interface Place {
  /** What `coatcheck serve` is told. */
  readonly args: readonly string[];
  /** What the operator of the store could do. */
  readonly store: ObjectStore;
  /** How an `x-amz-copy-source` names an object there. */
  readonly source: (key: string) => string;
}

/**
 * A real server on a store with one machine's approved configuration, its refused proposal and its
 * report in it; and a thief: another machine, with a key of its own and every URL that it may have.
 */
function copySource(name: string, open: (folder: string) => Promise<Place>): void {
  describe(name, () => {
    let folder: string;
    let site: Site;
    let server: Served;
    let place: Place;
    let victim: Machine;
    let thief: Machine;
    let secrets: { key: ObjectKey; body: Uint8Array }[];
    beforeAll(async () => {
      folder = fs.mkdtempSync(join(tmpdir(), 'coatcheck-copy-'));
      const home = join(folder, 'site');
      const init = await runCli(['--home', home, 'init', '--no-passphrase']);
      expect(init.code, init.stderr).toBe(0);
      site = parseSite(fs.readFileSync(join(home, 'site.json'), 'utf8'), parseCa);
      place = await open(folder);
      server = await startServe(['--home', home, 'serve', ...place.args]);
      const coatcheck = async (...args: string[]): Promise<void> => {
        const run = await runCli(['--home', home, '--server', server.url, ...args]);
        expect(run.code, run.stderr).toBe(0);
      };
      victim = makeMachine({ ...site, servers: [server.url] });
      thief = makeMachine({ ...site, servers: [server.url] });
      victim.write('etc/shadow', 'root:secret:1::::::\n', 0o600);
      const { digest } = await victim.json('propose');
      await coatcheck('reject', victim.identity.id, String(digest), '--reason', 'no', '--yes');
      victim.write('etc/hostname', 'victim\n');
      await victim.json('propose');
      await coatcheck('approve', victim.identity.id, '--yes');
      await victim.json('boot', '--once');
      victim.write('etc/motd', 'waits\n');
      await victim.json('propose', '--add', 'etc/motd');

      const keys: ObjectKey[] = [];
      for await (const { key } of listAll(place.store, '')) {
        if (!key.startsWith('keysets/')) keys.push(key); // they are public
      }
      // Approved, two decisions, a waiting and a refused proposal, a report.
      expect(new Set(keys.map((key) => key.split('/')[0]))).toEqual(
        new Set(['approved', 'history', 'pending', 'rejected', 'reports']),
      );
      secrets = await Promise.all(
        keys.map(async (key) => ({
          key,
          body: (await place.store.get(key, { maxBytes: 2 ** 24 }))!.body,
        })),
      );
    });
    afterAll(async () => {
      victim.remove();
      thief.remove();
      await server.stop();
      fs.rmSync(folder, { recursive: true });
    });

    /** What the real server gives the thief for an upload of these bytes. */
    async function granted(body: Uint8Array): Promise<{ key: ObjectKey; put: PutAnswer }> {
      const client = createClient({ server: server.url, site: site.id, identity: thief.identity });
      const digest = digestHex(sha256(body));
      const { key, put } = await client.propose(thief.identity.id, { digest, size: body.length });
      return { key: key as ObjectKey, put };
    }

    it('copies nothing out by an unsigned header on the URL of an upload', async () => {
      const body = utf8(`mine ${randomBytes(8).toString('hex')}`);
      const { key, put } = await granted(body);
      const encode = (text: string): string =>
        text.replace(/[a-z/]/g, (c) => `%${c.charCodeAt(0).toString(16)}`);
      for (const { key: secret } of secrets) {
        const source = place.source(secret);
        for (const [header, value] of [
          ['x-amz-copy-source', source],
          ['X-Amz-Copy-Source', source.replace(/^\//, '')],
          ['x-amz-copy-source', encode(source)],
          ['x-amz-copy-source', `${source}?versionId=null`],
          ['x-amz-copy-source', `arn:aws:s3:::${source.replace(/^\//, '')}`],
        ] as const) {
          for (const more of [
            {},
            { 'x-amz-metadata-directive': 'REPLACE' },
            { 'x-amz-copy-source-range': 'bytes=0-9' },
          ]) {
            for (const sent of Object.keys(more).length > 0 ? [body] : [body, new Uint8Array()]) {
              const headers = {
                ...put.headers,
                ...more,
                'content-length': String(sent.length),
                [header]: value,
              };
              const answer = await send(put.url, { method: 'PUT', headers, body: sent });
              expect([400, 403, 404], `${header}: ${value}`).toContain(answer.status);
              expect(answer.code).not.toBe('NoSuchKey');
            }
          }
        }
        const url = `${put.url}&x-amz-copy-source=${encodeURIComponent(source)}`;
        const { status } = await send(url, { method: 'PUT', headers: put.headers, body });
        expect(status).toBe(403);
      }
      expect(await place.store.head(key)).toBeUndefined();
      // The URL itself is good.
      expect((await send(put.url, { method: 'PUT', headers: put.headers, body })).status).toBe(200);
    });

    it('nor by the URLs of a download', async () => {
      const client = createClient({ server: server.url, site: site.id, identity: thief.identity });
      const waiting = parseDigest('ab'.repeat(32));
      const { url, rejectedUrl } = await client.config(thief.identity.id, waiting);
      for (const given of [url, rejectedUrl!]) {
        for (const { key: secret } of secrets) {
          const other = given.replace(/(approved|rejected)\/[a-z2-7]{32}(\/[0-9a-f]{64})?/, secret);
          expect(other).not.toBe(given);
          expect((await send(other, { method: 'GET' })).status, secret).toBe(403);
          const headers = { 'x-amz-copy-source': place.source(secret), 'content-length': '0' };
          for (const method of ['GET', 'PUT']) {
            const answer = await send(given, { method, headers });
            expect([403, 404], `${method} ${secret}`).toContain(answer.status);
          }
        }
      }
    });

    it('and leaves every object as it was', async () => {
      for (const { key, body } of secrets) {
        const now = await place.store.get(key, { maxBytes: 2 ** 24 });
        expect(Buffer.from(now!.body).equals(body), key).toBe(true);
      }
      for await (const { key } of listAll(place.store, '')) {
        if (!key.includes(thief.identity.id)) continue;
        const { body } = (await place.store.get(key, { maxBytes: 2 ** 24 }))!;
        expect(secrets.some((secret) => Buffer.from(body).includes(Buffer.from(secret.body)))).toBe(
          false,
        );
      }
    });
  });
}

// Archived MinIO releases, and others, honour a copy source that the signature does not cover.
describe('MinIO CVE-2026-54330 class: what signs uploads can read nothing that is secret', () => {
  copySource('a folder', (folder) =>
    Promise.resolve({
      args: [],
      store: createFilesystemStore(join(folder, 'site', 'store')),
      source: (key) => `/objects/${key}`,
    }),
  );
  describeWith('minio', 'a server with the hole', () => {
    copySource('a real MinIO', async (folder) => {
      const bucket = await freshBucket();
      const credentials = join(folder, 'credentials.json');
      await writeCredentials(credentials, bucket.credentials);
      return {
        args: [
          '--store',
          `s3://${bucket.name}`,
          '--endpoint',
          bucket.endpoint,
          '--credentials',
          credentials,
        ],
        store: bucket.store('root'),
        source: (key) => `/${bucket.name}/${key}`,
      };
    });

    it('has it: a credential that may read more gives all of it away', async () => {
      const bucket = await freshBucket();
      const root = bucket.store('root');
      const key = 'approved/secret' as ObjectKey;
      await root.create(key, utf8('sealed, and not yours'));
      const body = utf8('mine');
      const target = 'pending/mine' as ObjectKey;
      const signed = { size: body.length, sha256: sha256(body), expiresInSeconds: 60 };
      const { url, headers } = await bucket.signer('root').signPut(target, signed);
      const more = { 'x-amz-copy-source': `/${bucket.name}/${key}` };
      await send(url, { method: 'PUT', headers: { ...headers, ...more }, body });
      const { body: stolen } = (await root.get(target, { maxBytes: 1000 }))!;
      expect(Buffer.from(stolen).toString()).toBe('sealed, and not yours');
    });
  });
});
