import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import { createServer as createTlsServer } from 'node:tls';
import type { Server } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBucket } from '../../functions/stores/bucket.ts';
import { writeCredentials } from '../../functions/stores/credentials.ts';
import type { Finding } from '../../functions/doctor/probe.ts';
import { EXIT } from '../../protocol/errors.ts';
import { openFilesystemStore } from '../../store/filesystem.ts';
import { serveBadStore } from '../support/bad-store.ts';
import { runCli } from '../support/cli.ts';
import { utf8 } from '../../bundle/bytes.ts';
import { parseDigest, pendingKey } from '../../protocol/keys.ts';
import { makeAuthority } from '../support/certificates.ts';
import type { Authority } from '../support/certificates.ts';
import { makeNode } from '../support/site.ts';
import { describeWith } from '../support/components.ts';
import { freshBucket } from '../support/minio.ts';
import type { TestBucket } from '../support/s3-bucket.ts';
import { FAULTS } from '../support/store-faults.ts';
import type { FaultName } from '../support/store-faults.ts';
import { freshVersitygwBucket } from '../support/versitygw.ts';

let folder: string;
let home: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'coatcheck-doctor-'));
  home = join(folder, 'site');
  expect(await runCli(['--home', home, 'init', '--no-passphrase'])).toMatchObject({ code: 0 });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Diagnosis {
  readonly code: number | null;
  readonly stderr: string;
  readonly document: { readonly ok: boolean; readonly findings: readonly Finding[] };
}

/** The real command, on the store that the arguments name. */
async function examine(store: readonly string[], of = home): Promise<Diagnosis> {
  const { code, stdout, stderr } = await runCli(['--home', of, '--json', 'doctor', ...store]);
  return { code, stderr, document: JSON.parse(stdout) as Diagnosis['document'] };
}

async function examineBucket(
  bucket: TestBucket,
  endpoint = bucket.endpoint,
  credentials = bucket.credentials,
  of = home,
): Promise<Diagnosis> {
  const path = join(folder, `${randomBytes(8).toString('hex')}.json`);
  await writeCredentials(path, credentials);
  const store = ['--store', `s3://${bucket.name}`, '--endpoint', endpoint];
  return examine([...store, '--credentials', path], of);
}

/** But for what this machine's temporary folder lies on: in a container that is an overlay, of which doctor warns. */
const probes = ({ document }: Diagnosis, status: Finding['status']): string[] =>
  document.findings
    .filter((finding) => finding.status === status)
    .map(({ probe }) => probe)
    .filter((probe) => probe !== FILE_SYSTEM);

/** @param warned the probes that found something that somebody should know */
function expectWell(diagnosis: Diagnosis, warned: readonly string[] = []): void {
  expect(probes(diagnosis, 'fail')).toEqual([]);
  expect(probes(diagnosis, 'warn')).toEqual(warned);
  expect(diagnosis).toMatchObject({ code: 0, stderr: '', document: { ok: true } });
}

const FILE_SYSTEM = 'the file system of the folder keeps what it was given';
const CREATES = '16 creates of one key at once: one wins';
const STALE = 'a replace with an old ETag fails, and of 16 with the right one, one wins';
const ABSENT = 'a replace of what is not there fails';
const SAME_ETAG = 'the ETag of a write is the one that is read';
const LISTS_NOW = 'a listing shows what was written, and not what was deleted, just before';
const LISTS_ALL = 'a listing goes on, page by page, to the last key';
const ONCE = 'a presigned PUT works once';
const BODY = 'a presigned PUT refuses another body';
const FITTING = 'a presigned PUT refuses another body whose checksum fits it';
const LENGTH = 'a presigned PUT refuses another length';
const CONDITION = 'a presigned PUT refuses a missing If-None-Match';
const KEY = 'a presigned PUT refuses another key';
const EXPIRED = 'a presigned PUT refuses once it has expired';
const COPY = 'a presigned PUT with x-amz-copy-source copies nothing that its signer must not read';
const METHOD = 'a presigned GET refuses to delete';
const ANONYMOUS = 'nobody reads, writes or lists without a signature';
const TRAILER = 'who has seen a presigned URL writes nothing that it was not signed for';
const REACH = 'an object store answers, and its clock is right';

describe('coatcheck doctor on a good store', () => {
  it('finds nothing on a folder, twice', async () => {
    await openFilesystemStore(join(home, 'store'), { create: true });
    for (let i = 0; i < 2; i++) expectWell(await examine([]));
  });

  describeWith('minio', 'MinIO', () => {
    it('warns of the hole that no setting closes, and of nothing else, twice', async () => {
      const bucket = await freshBucket();
      for (let i = 0; i < 2; i++) expectWell(await examineBucket(bucket), [TRAILER]);
    });

    describe('whose certificate a private CA made', { tags: 'long' }, () => {
      let authority: Authority;
      let proxy: Server;
      let address: string;
      let bucket: TestBucket;
      beforeAll(async () => {
        authority = makeAuthority(join(folder, 'ca'));
        bucket = await freshBucket();
        const { hostname, port } = new URL(bucket.endpoint);
        proxy = createTlsServer(authority.issue('DNS:localhost'), (client) => {
          const minio = connect(Number(port), hostname);
          pipeline(client, minio, () => undefined);
          pipeline(minio, client, () => undefined);
        }).listen(0, '127.0.0.1');
        await once(proxy, 'listening');
        address = `https://localhost:${(proxy.address() as AddressInfo).port}`;
      });
      afterAll(() => void proxy.close());

      /** The home folder of a site with this CA. */
      async function siteWith(name: string, caFile?: string): Promise<string> {
        const made = join(folder, name);
        const ca = caFile === undefined ? [] : ['--ca', caFile];
        const { code } = await runCli(['--home', made, 'init', '--no-passphrase', ...ca]);
        expect(code).toBe(0);
        return made;
      }

      it('believes the CA of the site, and nobody without it', async () => {
        const ours = await siteWith('private', authority.caFile);
        expectWell(await examineBucket(bucket, address, bucket.credentials, ours), [TRAILER]);
        const other = await siteWith('public');
        const { document } = await examineBucket(bucket, address, bucket.credentials, other);
        expect(document.findings).toMatchObject([{ probe: REACH, status: 'fail' }]);
      });

      it('warns, in serve too, of a CA that is none to TLS', async () => {
        const leaf = join(folder, 'leaf.pem');
        await writeFile(leaf, authority.issue('DNS:localhost').cert);
        const made = await siteWith('leaf', leaf);
        const { document } = await examineBucket(bucket, address, bucket.credentials, made);
        expect(document.findings[0]).toMatchObject({
          status: 'warn',
          found: expect.stringContaining('is a root') as string,
        });
        // Port 99999 is none: it has said all that it has to say before.
        const { stderr } = await runCli(['--home', made, 'serve', '--port', '99999']);
        expect(stderr).toContain('is a root: TLS believes nobody');
      });

      it('is what the server itself asks, for what an administrator wants', async () => {
        const { name, credentials } = bucket;
        const place = { bucket: name, region: 'us-east-1', endpoint: address, credentials };
        const stores = (await openBucket({ ...place, ca: authority.ca })).access({ baseUrl: '' });
        const key = pendingKey(makeNode().id, parseDigest('ab'.repeat(32)));
        const { upload, admin } = stores;
        expect((await admin.store.list('', { limit: 1 })).objects).toBeDefined();
        await expect(upload.store.create(key, utf8('x'))).resolves.toHaveProperty('etag');
        expect((await admin.store.get(key, { maxBytes: 10 }))!.body).toEqual(utf8('x'));
        await admin.store.delete(key);
      });
    });

    it('asks nothing with root keys, or any one pair, for all', async () => {
      const { root, name, endpoint } = await freshBucket();
      const keys = { download: root, upload: root, admin: root };
      const path = join(folder, 'root.json');
      await writeCredentials(path, keys);
      const store = ['--store', `s3://${name}`, '--endpoint', endpoint, '--credentials', path];
      const { code, stderr } = await runCli(['--home', home, 'doctor', ...store]);
      expect([code, stderr]).toEqual([EXIT.usage, expect.stringContaining('[weak_secret]')]);
      const place = { bucket: name, endpoint, region: 'us-east-1' };
      await expect(openBucket({ ...place, credentials: keys })).rejects.toMatchObject({
        code: 'weak_secret',
      });
    });

    it('says what keys give away there that may do everything', { tags: 'long' }, async () => {
      const all = { Effect: 'Allow', Action: ['s3:*'], Resource: ['arn:aws:s3:::*'] };
      const policy = JSON.stringify({ Version: '2012-10-17', Statement: [all] });
      const diagnosis = await examineBucket(await freshBucket(() => policy));
      const failed = probes(diagnosis, 'fail');
      expect(failed).toContain(COPY);
      expect(failed.filter((probe) => probe !== COPY)).toEqual([
        ...['get', 'put', 'delete'].map(
          (what) => expect.stringContaining(`download may ${what}`) as string,
        ),
        ...['get', 'list', 'put', 'delete'].map(
          (what) => expect.stringContaining(`upload may ${what}`) as string,
        ),
        ...['put', 'delete'].map((what) => expect.stringContaining(`admin may ${what}`) as string),
      ]);
    });
  });

  describeWith('versitygw', 'versitygw', () => {
    it('finds nothing, twice', async () => {
      const bucket = await freshVersitygwBucket();
      for (let i = 0; i < 2; i++) expectWell(await examineBucket(bucket));
    });
  });
});

/** What is found on a store with each fault, and what is to be done about it. */
const DIAGNOSES: Record<FaultName, { failed: readonly string[]; advice?: RegExp }> = {
  ignoresIfNoneMatch: { failed: [CREATES, ONCE], advice: /use another store/ },
  ignoresIfMatch: { failed: [STALE, ABSENT], advice: /use another store/ },
  checksThenWrites: { failed: [CREATES], advice: /decisions could be lost; use another store/ },
  ignoresSignatures: {
    failed: [FITTING, CONDITION, KEY, EXPIRED, METHOD],
    advice: /does not check what a presigned URL pins: use another store/,
  },
  isPublic: { failed: [ANONYMOUS], advice: /the bucket is public/ },
  copiesForAnybody: { failed: [COPY], advice: /take from the upload credential every right/ },
  forgetsTheChecksum: { failed: [BODY], advice: /use another store/ },
  // Nothing comes of it: what has the pinned checksum has the pinned length.
  forgetsTheLength: { failed: [] },
  forgetsLengthAndChecksum: { failed: [BODY, LENGTH], advice: /use another store/ },
  listsThreeKeys: { failed: [LISTS_ALL], advice: /decisions are found by listing: use another/ },
  listsWhatWas: { failed: [LISTS_NOW], advice: /decisions are found by listing: use another/ },
  readsWhatWas: { failed: [STALE], advice: /use another store/ },
  changesEtags: { failed: [SAME_ETAG], advice: /does something between here and the store/ },
  isALoginPage: { failed: [REACH], advice: /answers in place of the store/ },
  isAnHourAhead: { failed: [REACH], advice: /set both clocks/ },
  isAnHourBehind: { failed: [REACH], advice: /set both clocks/ },
};

describeWith('versitygw', 'coatcheck doctor on a store with one fault', () => {
  it.each(Object.entries(DIAGNOSES))('that %s', async (name, { failed, advice }) => {
    const bucket = await freshVersitygwBucket();
    const bad = await serveBadStore(bucket, FAULTS[name as FaultName]());
    try {
      const diagnosis = await examineBucket(bucket, bad.url);
      expect(probes(diagnosis, 'fail')).toEqual(failed);
      expect(probes(diagnosis, 'warn')).toEqual([]);
      for (const finding of diagnosis.document.findings) {
        if (finding.status === 'unknown') continue;
        if (finding.status === 'ok') expect(finding).not.toHaveProperty('advice');
        else expect(finding.advice).toMatch(advice!);
      }
      const isWell = failed.length === 0;
      expect(diagnosis.document.ok).toBe(isWell);
      expect(diagnosis.code).toBe(isWell ? 0 : 9);
      if (!isWell) expect(diagnosis.stderr).toMatch(/"message": "\d+ probes? of \d+ failed"/);
    } finally {
      await bad.close();
    }
  });
});
