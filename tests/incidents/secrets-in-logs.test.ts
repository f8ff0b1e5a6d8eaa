// @module-tag long
import * as fs from 'node:fs';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeCredentials } from '../../functions/stores/credentials.ts';
import { CREDENTIALS } from '../../protocol/permissions.ts';
import { createFilesystemStore } from '../../store/filesystem.ts';
import { listAll } from '../../store/port.ts';
import { describeWith } from '../support/components.ts';
import { freshBucket } from '../support/minio.ts';
import { createSecretScan, filesBelow } from './secret-scan.ts';
import type { SecretScan } from './secret-scan.ts';
import { wholeRun } from './whole-run.ts';
import type { RunPlace, WholeRun } from './whole-run.ts';

/** Where secrets belong, below the folder of the run; each of them closed to others. */
const HOMES = [
  /^root(-2)?\/etc\/(shadow|ssh\/|sssd\/|wireguard\/|wpa_supplicant\/|krb5\.keytab|ldap\.secret)/,
  /^root-2\/var\/lib\/coatcheck\/kept\/[0-9a-f]{64}$/, // what a machine had before
  /^(key|token|passphrase|s3\.json|site\/admin\.key|site\/store\/secrets\.json)$/,
  /^export\//, // where an administrator wanted them
];

function secretsOf(
  name: string,
  open: (folder: string, scan: SecretScan) => Promise<RunPlace>,
  options: { tags?: string } = {},
): void {
  describe(name, options, () => {
    let folder: string;
    let scan: SecretScan;
    let run: WholeRun;
    beforeAll(async () => {
      folder = fs.mkdtempSync(join(tmpdir(), 'coatcheck-secrets-'));
      fs.chmodSync(folder, 0o755);
      scan = createSecretScan();
      run = await wholeRun(folder, await open(folder, scan), scan);
    });
    afterAll(() => fs.rmSync(folder, { recursive: true }));

    it('are in no output, no log, no command line and no environment', () => {
      expect(run.said.flatMap(({ place, text }) => scan.search(place, text))).toEqual([]);
      // Everything was there to be found: every command spoke, the server about each request.
      expect(run.said.length).toBeGreaterThan(200);
      const log = run.said.find(({ place }) => place === 'stderr of serve')!.text;
      expect(log.split('\n').length).toBeGreaterThan(80);
    });

    it('are in no file that others can read, and in no file but their own', () => {
      expect(scan.searchFiles(folder, 'others')).toEqual([]);
      const holders = filesBelow(folder)
        .filter((path) => scan.search(path, fs.readFileSync(path)).length > 0)
        .map((path) => relative(folder, path));
      expect(holders.filter((path) => !HOMES.some((place) => place.test(path)))).toEqual([]);
      expect(holders).toEqual(
        expect.arrayContaining(['key', 'site/admin.key', 'root-2/etc/shadow']),
      );
    });

    it('are in no object of the store', async () => {
      let objects = 0;
      for await (const { key } of listAll(run.store, '')) {
        const { body } = (await run.store.get(key, { maxBytes: 2 ** 24 }))!;
        expect(scan.search(key, body)).toEqual([]);
        objects++;
      }
      expect(objects).toBeGreaterThan(6);
    });

    it('would be found: they are where an administrator asked for them', () => {
      const found = scan.search('diff --show-secrets', run.shown).join('\n');
      for (const path of [
        'etc/shadow',
        'etc/wireguard/wg0.conf',
        'etc/ldap.secret',
        'etc/krb5.keytab',
      ]) {
        expect(found).toContain(`version 1 of ${path}`);
      }
    });
  });
}

// cloud-init wrote passwords of its data source into a log that everybody could read.
describe('cloud-init CVE-2023-1786: no secret of a whole run is in what it says, nor lies open', () => {
  secretsOf('on a folder', () =>
    Promise.resolve({ args: [], store: (home) => createFilesystemStore(join(home, 'store')) }),
  );

  describeWith('minio', 'with a real MinIO', () => {
    secretsOf('on a real MinIO', async (folder, scan) => {
      const bucket = await freshBucket();
      for (const name of CREDENTIALS) {
        const { secretAccessKey, sessionToken } = bucket.credentials[name];
        scan.plant(`the secret key of ${name}`, secretAccessKey);
        scan.plant(`the session token of ${name}`, sessionToken!.split('.').at(-1)!);
      }
      scan.plant("MinIO's root password", bucket.root.secretAccessKey);
      const credentials = join(folder, 's3.json');
      await writeCredentials(credentials, bucket.credentials);
      const place = ['--store', `s3://${bucket.name}`, '--endpoint', bucket.endpoint];
      return {
        args: [...place, '--credentials', credentials],
        store: () => bucket.store('root'),
      };
    });
  });

  describe('the search', () => {
    const secret = randomBytes(32);
    const scan = createSecretScan();
    scan.plant('a key', secret);
    scan.plant('a "quoted" one', 'swordfish "and" chips\\');
    const found = ['x: a key'];

    it.each<[string, (bytes: Buffer) => string | Buffer]>([
      ['as it is', (bytes) => Buffer.concat([randomBytes(5), bytes, randomBytes(5)])],
      ['in hex', (bytes) => `key=${bytes.toString('hex')};`],
      ['in capitals', (bytes) => bytes.toString('hex').toUpperCase()],
      ['in base64', (bytes) => `"${bytes.toString('base64')}"`],
      ['in base64url', (bytes) => `seed ${bytes.toString('base64url')}\n`],
      [
        'in base64 of more',
        (bytes) => Buffer.concat([Buffer.from('ab'), bytes, bytes]).toString('base64'),
      ],
      [
        'in base64url of more',
        (bytes) => Buffer.concat([Buffer.from('a'), bytes]).toString('base64url'),
      ],
    ])('finds a secret %s', (_, write) => {
      expect(scan.search('x', write(secret))).toEqual(found);
    });
    it('finds one in JSON, in JSON within JSON, and in a URL', () => {
      const text = 'swordfish "and" chips\\';
      for (const written of [
        JSON.stringify({ text }),
        JSON.stringify(JSON.stringify({ text })),
        encodeURIComponent(text),
      ]) {
        expect(scan.search('x', written)).toEqual(['x: a "quoted" one']);
      }
    });
    it('finds nothing where nothing is', () => {
      expect(scan.search('x', randomBytes(100_000))).toEqual([]);
      expect(() => scan.plant('short', 'password')).toThrow('too short');
    });
    it('finds one planted in a line of a log, and in a file that others can read', () => {
      const line = `200 GET /v1/nodes/:node/config 3 ms ${secret.toString('base64')}`;
      expect(scan.search('the log', line)).toEqual(['the log: a key']);
      const folder = fs.mkdtempSync(join(tmpdir(), 'coatcheck-planted-'));
      const path = join(folder, 'log');
      fs.writeFileSync(path, secret, { mode: 0o600 });
      expect(scan.searchFiles(folder, 'others')).toEqual([]);
      for (const mode of [0o604, 0o640]) {
        fs.chmodSync(path, mode);
        expect(scan.searchFiles(folder, 'others')).toEqual([`${path}: a key`]);
      }
      fs.rmSync(folder, { recursive: true });
    });
  });
});
