import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { examine as examineLab } from '../../functions/doctor/examine.ts';
import { labOf } from '../../functions/doctor/lab.ts';
import { openBucket } from '../../functions/stores/bucket.ts';
import { makeSite } from '../support/site.ts';
import { writeCredentials } from '../../functions/stores/credentials.ts';
import type { Finding } from '../../functions/doctor/probe.ts';
import { openFilesystemStore } from '../../store/filesystem.ts';
import { serveBadStore } from '../support/bad-store.ts';
import { runCli } from '../support/cli.ts';
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
async function examine(...store: string[]): Promise<Diagnosis> {
  const { code, stdout, stderr } = await runCli(['--home', home, '--json', 'doctor', ...store]);
  return { code, stderr, document: JSON.parse(stdout) as Diagnosis['document'] };
}

async function examineBucket(
  bucket: TestBucket,
  endpoint = bucket.endpoint,
  credentials = bucket.credentials,
): Promise<Diagnosis> {
  const path = join(folder, `${randomBytes(8).toString('hex')}.json`);
  await writeCredentials(path, credentials);
  const store = ['--store', `s3://${bucket.name}`, '--endpoint', endpoint];
  return examine(...store, '--credentials', path);
}

const probes = ({ document }: Diagnosis, status: Finding['status']): string[] =>
  document.findings.filter((finding) => finding.status === status).map(({ probe }) => probe);

/** @param warned the probes that found something that somebody should know */
function expectWell(diagnosis: Diagnosis, warned: readonly string[] = []): void {
  expect(probes(diagnosis, 'fail')).toEqual([]);
  expect(probes(diagnosis, 'warn')).toEqual(warned);
  expect(diagnosis).toMatchObject({ code: 0, stderr: '', document: { ok: true } });
}

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
    for (let i = 0; i < 2; i++) expectWell(await examine());
  });

  describeWith('minio', 'MinIO', () => {
    it('warns of the hole that no setting closes, and of nothing else, twice', async () => {
      const bucket = await freshBucket();
      for (let i = 0; i < 2; i++) expectWell(await examineBucket(bucket), [TRAILER]);
    });

    it('says what root keys give away there', async () => {
      const bucket = await freshBucket();
      const { root } = bucket;
      const keys = { download: root, upload: root, admin: root };
      // One pair for all is refused before anything is asked; so here without its file.
      const refused = await examineBucket(bucket, bucket.endpoint, keys).catch(() => undefined);
      expect(refused).toBeUndefined();
      const { name, endpoint } = bucket;
      const place = { bucket: name, endpoint, region: 'us-east-1', credentials: keys };
      const lab = labOf(await openBucket(place));
      const findings = await examineLab(lab, makeSite().site, (_, probe) => probe());
      const failed = findings.filter(({ status }) => status === 'fail').map(({ probe }) => probe);
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
