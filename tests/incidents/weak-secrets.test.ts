// @module-tag long
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { formatKeyFile } from '../../agent/identity/keys/key-file.ts';
import { sealKeyFile } from '../../cli/key-file.ts';
import { readEnvironment } from '../../functions/lambda/environment.ts';
import { EXIT } from '../../protocol/errors.ts';
import { formatSite } from '../../protocol/site.ts';
import { refusal, runCli, startServe } from '../support/cli.ts';
import type { Run } from '../support/run.ts';
import { makeMachine } from '../support/machine.ts';
import type { Machine } from '../support/machine.ts';
import { makeSite } from '../support/site.ts';

// In Cobbler a file that could not be read gave the "secret" -1, and the server started with it.
describe('Cobbler CVE-2024-47533: an empty, default or zero secret refuses to start', () => {
  let folder: string;
  let home: string;
  let machine: Machine;
  const coatcheck = (...args: string[]): Promise<Run> => runCli(['--home', home, ...args]);
  /** Why the server did not start. */
  const notServed = async (...args: string[]): Promise<string | undefined> => {
    const started = startServe(['--home', home, 'serve', ...args]);
    return started.then(
      async (server) => `it started: ${(await server.stop()).stdout}`,
      (error: unknown) => / \[(\w+)\]\n$/.exec((error as Error).message)?.[1],
    );
  };
  const file = (name: string, text: string, mode = 0o600): string => {
    const path = join(folder, name);
    fs.writeFileSync(path, text);
    fs.chmodSync(path, mode);
    return path;
  };
  beforeAll(async () => {
    folder = fs.mkdtempSync(join(tmpdir(), 'coatcheck-weak-'));
    home = join(folder, 'site');
    expect((await coatcheck('init', '--no-passphrase')).code).toBe(0);
    fs.mkdirSync(join(home, 'store'), { mode: 0o700 });
    machine = makeMachine(makeSite().site);
  });
  afterAll(() => {
    machine.remove();
    fs.rmSync(folder, { recursive: true });
  });

  /** What nobody drew at random: 32 bytes each. */
  const WEAK: Readonly<Record<string, Uint8Array>> = {
    zeros: new Uint8Array(32),
    'ones, which is -1': new Uint8Array(32).fill(0xff),
    'one byte again and again': new Uint8Array(32).fill(1),
    'a word again and again': Buffer.from('changeme'.repeat(4)),
    'counting up': Uint8Array.from({ length: 32 }, (_, i) => i),
  };
  const GOOD = Buffer.from(
    '8f1d0c5be2a94763b0184e7d92c6fa355ad17be0493c862fe1b7640d9ac85f23',
    'hex',
  );
  const GOOD_TOO = Buffer.from(GOOD.map((byte) => byte ^ 0x5a));

  describe('the secrets that sign the URLs of a folder store', () => {
    const secrets = (upload: Uint8Array): string =>
      JSON.stringify({
        coatcheck: 'secrets/1',
        download: GOOD.toString('base64url'),
        upload: Buffer.from(upload).toString('base64url'),
        admin: GOOD_TOO.toString('base64url'),
      });
    const path = (): string => join(home, 'store/secrets.json');
    afterEach(() => fs.rmSync(path(), { recursive: true }));
    const served = async (put: (path: string) => void): Promise<unknown> => {
      fs.rmSync(path(), { recursive: true, force: true });
      put(path());
      return notServed();
    };
    const text =
      (content: string, mode = 0o600) =>
      (path: string): void => {
        fs.writeFileSync(path, content);
        fs.chmodSync(path, mode);
      };

    it.each(Object.keys(WEAK))('%s', async (name) => {
      expect(await served(text(secrets(WEAK[name]!)))).toBe('weak_secret');
    });
    it('one secret for two credentials', async () => {
      expect(await served(text(secrets(GOOD)))).toBe('weak_secret');
    });
    it.each(['', '-1', '{}', secrets(GOOD.subarray(1)), secrets(new Uint8Array())])(
      'a damaged file never gives another secret: %.12j',
      async (content) => {
        expect(await served(text(content))).toBe('file_malformed');
      },
    );
    it('a file that others can read, or that is none', async () => {
      expect(await served(text(secrets(GOOD_TOO), 0o604))).toBe('file_unsafe');
      expect(await served((at) => fs.mkdirSync(at, { mode: 0o700 }))).toBe('file_unsafe');
      expect(await served((at) => fs.symlinkSync('nowhere', at))).toBe('file_malformed');
    });
  });

  describe('the S3 keys of a server and of the doctor', () => {
    const pair = { accessKeyId: 'key-of-a-test', secretAccessKey: 'a-secret-that-was-random' };
    it.each<[string, object]>([
      ['empty', { ...pair, secretAccessKey: '' }],
      ['no id', { ...pair, accessKeyId: '' }],
      ['short', { ...pair, secretAccessKey: '-1' }],
      ['zeros', { ...pair, secretAccessKey: '0'.repeat(40) }],
      ['the default of MinIO', { accessKeyId: 'minioadmin', secretAccessKey: 'minioadmin' }],
      ['the same as the id', { accessKeyId: 'coatcheck-1', secretAccessKey: 'coatcheck-1' }],
    ])('%s', async (_, weak) => {
      const text = JSON.stringify({ download: pair, upload: weak, admin: pair });
      const options = ['--store', 's3://bucket', '--endpoint', 'http://127.0.0.1:9'];
      options.push('--credentials', file('credentials.json', text));
      expect(await notServed(...options)).toBe('weak_secret');
      const run = await coatcheck('doctor', ...options);
      expect(refusal(run)).toEqual([EXIT.usage, 'weak_secret']);
      expect(run.stderr).toContain('the upload key in');
    });
    it('the role of a Lambda function without keys', () => {
      const environment = {
        COATCHECK_SITE: formatSite(makeSite().site),
        COATCHECK_BUCKET: 'lab',
        AWS_REGION: 'eu-central-1',
        AWS_ACCESS_KEY_ID: 'ASIAEXAMPLE',
        AWS_SECRET_ACCESS_KEY: 'a-secret-that-was-random',
      };
      expect(() => readEnvironment(environment)).not.toThrow();
      for (const [name, value] of [
        ['AWS_ACCESS_KEY_ID', ''],
        ['AWS_SECRET_ACCESS_KEY', ''],
        ['AWS_SECRET_ACCESS_KEY', undefined],
        ['AWS_SECRET_ACCESS_KEY', '0000000000'],
      ] as const) {
        expect(() => readEnvironment({ ...environment, [name]: value })).toThrow(
          expect.objectContaining({
            code: value?.startsWith('0') ? 'weak_secret' : 'usage',
          }) as Error,
        );
      }
    });
  });

  it.each(['\n', '0'.repeat(32), 'changemechangeme'])('an enrolment token: %j', async (token) => {
    expect(await notServed('--token-file', file('token', token))).toBe('weak_secret');
  });

  it.each(Object.keys(WEAK))("a machine's seed, and an administrator's: %s", async (name) => {
    const path = file('node.key', formatKeyFile(WEAK[name]!));
    const asked = await machine.run('--key', path, 'id');
    expect(refusal(asked)).toEqual([EXIT.usage, 'weak_secret']);

    const key = join(home, 'admin.key');
    const kept = fs.readFileSync(key);
    // A seed of zeros makes no key file at all.
    const weak = await sealKeyFile(WEAK[name]!, undefined).catch(() => undefined);
    const content =
      weak ??
      Buffer.from(kept.toString().replace(/"seed": "[^"]+"/, `"seed": "${'A'.repeat(43)}"`));
    fs.writeFileSync(key, content);
    const [exit, code] = refusal(await coatcheck('--server', 'http://127.0.0.1:9', 'pending'));
    fs.writeFileSync(key, kept);
    expect([exit, code]).toEqual([EXIT.usage, 'weak_secret']);
  });

  it('an empty passphrase, new or old, from the environment or from a file', async () => {
    const path = file('passphrase', '\n');
    const fresh = join(folder, 'fresh');
    const init = ['--home', fresh, 'init'];
    for (const run of [
      await runCli(init, { env: { COATCHECK_PASSPHRASE: '' } }),
      await runCli(['--passphrase-file', path, ...init]),
    ]) {
      expect(refusal(run)).toEqual([EXIT.usage, 'weak_secret']);
    }
    expect(fs.existsSync(fresh)).toBe(false);
    fs.mkdirSync(fresh);
    fs.copyFileSync(join(home, 'site.json'), join(fresh, 'site.json'));
    fs.writeFileSync(join(fresh, 'admin.key'), await sealKeyFile(GOOD, 'long enough for a test'), {
      mode: 0o600,
    });
    const asked = ['--home', fresh, '--server', 'http://127.0.0.1:9', '--passphrase-file', path];
    expect(refusal(await runCli([...asked, 'pending']))).toEqual([EXIT.usage, 'weak_secret']);
  });
});
