import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CREDENTIALS } from '../../protocol/permissions.ts';
import type { Credential } from '../../protocol/permissions.ts';
import type { S3Credentials } from '../../store/s3-options.ts';
import {
  credentialProviders,
  readCredentials,
  threePairs,
  writeCredentials,
} from './credentials.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'coatcheck-credentials-'));
  path = join(folder, 'credentials.json');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const sessions = (id: string, seconds: number): Record<Credential, S3Credentials> =>
  Object.fromEntries(
    CREDENTIALS.map((name) => [
      name,
      {
        accessKeyId: `${id}-${name}`,
        secretAccessKey: 'a-secret-key',
        sessionToken: 'a-token',
        expiration: new Date(Date.now() + seconds * 1000),
      },
    ]),
  ) as Record<Credential, S3Credentials>;

describe('the file of --credentials', () => {
  it('gives back what was written', async () => {
    const written = sessions('one', 3600);
    await writeCredentials(path, written);
    expect(await readCredentials(path)).toEqual(written);
  });

  it('must hold three pairs, and not one for two parts of the server', async () => {
    const [own, other] = [sessions('one', 3600), sessions('two', 3600)];
    await writeCredentials(path, { ...own, upload: own.admin });
    await expect(readCredentials(path)).rejects.toMatchObject({
      ...{ code: 'weak_secret', message: expect.stringContaining('admin and upload') as string },
    });
    await writeCredentials(path, { ...own, upload: other.upload });
    expect((await readCredentials(path)).upload).toEqual(other.upload);
  });

  it('must be there, private, and hold three key pairs', async () => {
    await expect(readCredentials(path)).rejects.toMatchObject({ code: 'file_missing' });
    for (const text of ['', '{}', '[]', JSON.stringify({ download: {}, upload: {}, admin: {} })]) {
      await writeFile(path, text, { mode: 0o600 });
      await expect(readCredentials(path), text).rejects.toMatchObject({ code: 'file_malformed' });
    }
    await writeCredentials(path, sessions('one', 3600));
    await chmod(path, 0o644);
    await expect(readCredentials(path)).rejects.toMatchObject({ code: 'file_unsafe' });
  });
});

describe('credentialProviders', () => {
  it('reads the file again when a session is about to end, and not before', async () => {
    await writeCredentials(path, sessions('one', 3600));
    const { admin } = credentialProviders(path);
    expect((await admin()).accessKeyId).toBe('one-admin');
    await writeCredentials(path, sessions('two', 60));
    expect((await admin()).accessKeyId).toBe('one-admin');

    const ending = credentialProviders(path);
    expect((await ending.admin()).accessKeyId).toBe('two-admin');
    await writeCredentials(path, sessions('three', 3600));
    expect((await ending.admin()).accessKeyId).toBe('three-admin');
    expect((await ending.upload()).accessKeyId).toBe('three-upload');
  });

  it('goes on with a session that is still good while the file is away', async () => {
    await writeCredentials(path, sessions('one', 60));
    const { admin } = credentialProviders(path);
    await admin();
    await rm(path);
    expect((await admin()).accessKeyId).toBe('one-admin');
    await writeCredentials(path, sessions('two', 3600));
    expect((await admin()).accessKeyId).toBe('two-admin');
  });

  it('recovers once the file appears', async () => {
    const { admin } = credentialProviders(path);
    await expect(admin()).rejects.toMatchObject({ code: 'file_missing' });
    await writeCredentials(path, sessions('one', 3600));
    expect((await admin()).accessKeyId).toBe('one-admin');
  });

  it('says so when the session has ended and nobody renewed it', async () => {
    await writeCredentials(path, sessions('one', -1));
    const { admin } = credentialProviders(path);
    await expect(admin()).rejects.toMatchObject({ code: 'store_denied' });
  });
});

describe('keys that somebody gives by themselves', () => {
  const pair = (name: string) => ({ accessKeyId: name, secretAccessKey: `secret of ${name}` });

  it('are refused where two parts have one pair, at once or when a provider gives it', async () => {
    const [one, two, three] = ['one', 'two', 'three'].map(pair) as [
      S3Credentials,
      ...S3Credentials[],
    ];
    expect(() => threePairs({ download: one, upload: one, admin: two! })).toThrow(
      /download and upload/,
    );
    const asked = threePairs({
      download: one,
      upload: two!,
      admin: async () => Promise.resolve(two!),
    });
    expect(await asked.upload()).toBe(two);
    await expect(asked.admin()).rejects.toMatchObject({ code: 'weak_secret' });
    const apart = threePairs({
      download: one,
      upload: two!,
      admin: async () => Promise.resolve(three!),
    });
    expect([await apart.admin(), await apart.download()]).toEqual([three, one]);
  });
});
