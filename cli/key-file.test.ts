import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { deriveIdentity, fromUtf8, toBase64Url, utf8 } from '../bundle/index.ts';
import { openKeyFile, sealKeyFile } from './key-file.ts';
import { passphraseFrom } from './passphrase.ts';
import { createTerminal } from './terminal.ts';

const seed = Uint8Array.from(randomBytes(32));
const say = (passphrase: string) => () => Promise.resolve(passphrase);
const never = (): Promise<string> => Promise.reject(new Error('asked for a passphrase'));

describe('a key file with a passphrase', () => {
  let file: Uint8Array;
  beforeAll(async () => {
    file = await sealKeyFile(seed, 'grüße');
  });

  it('opens with it, however it is composed', async () => {
    expect(await openKeyFile(file, say('grüße'.normalize('NFD')), 'admin.key')).toEqual(
      deriveIdentity(seed),
    );
  });
  it('refuses another', () =>
    expect(openKeyFile(file, say('gruesse'), 'admin.key')).rejects.toMatchObject({
      code: 'wrong_passphrase',
      message: 'the passphrase does not open admin.key',
    }));
  it('refuses an empty one, when it is made and when it is opened', async () => {
    await expect(sealKeyFile(seed, '')).rejects.toMatchObject({ code: 'weak_secret' });
    await expect(openKeyFile(file, say(''), 'admin.key')).rejects.toMatchObject({
      code: 'weak_secret',
    });
  });
  it('does not hold the seed in the clear', () =>
    expect(fromUtf8(file)).not.toContain(toBase64Url(seed)));

  const change = (edit: (json: Record<string, unknown>) => void): Uint8Array => {
    const json = JSON.parse(fromUtf8(file)) as Record<string, unknown>;
    edit(json);
    return utf8(JSON.stringify(json));
  };
  it.each<[string, (json: Record<string, unknown>) => void]>([
    ['other public keys', (json) => (json['signKey'] = toBase64Url(new Uint8Array(32).fill(7)))],
    ['a cost that takes the machine down', (json) => Object.assign(json['seed']!, { N: 2 ** 30 })],
    ['a short salt', (json) => Object.assign(json['seed']!, { salt: 'AAAA' })],
    ['an unknown name', (json) => (json['extra'] = 1)],
    ['another version', (json) => (json['coatcheck'] = 'admin-key/2')],
    ['no seed', (json) => delete json['seed']],
  ])('refuses %s', async (_, edit) => {
    await expect(openKeyFile(change(edit), say('grüße'), 'admin.key')).rejects.toMatchObject({
      code: 'file_malformed',
    });
  });
});

describe('a key file without a passphrase', () => {
  it('opens and asks nothing', async () => {
    const file = await sealKeyFile(seed, undefined);
    expect(await openKeyFile(file, never, 'admin.key')).toEqual(deriveIdentity(seed));
  });
  it('refuses what is not JSON', () =>
    expect(openKeyFile(utf8('seed'), never, 'admin.key')).rejects.toMatchObject({
      code: 'file_malformed',
    }));
  it.each(['signKey', 'boxKey', 'seed'])(
    'refuses a %s that is not canonical base64url',
    async (name) => {
      const file = JSON.parse(fromUtf8(await sealKeyFile(seed, undefined))) as Record<
        string,
        string
      >;
      for (const text of [`${file[name]!.slice(0, -1)}B`, 'A', '*']) {
        const content = utf8(JSON.stringify({ ...file, [name]: text }));
        await expect(openKeyFile(content, never, 'admin.key')).rejects.toMatchObject({
          code: 'file_malformed',
        });
      }
    },
  );
  it('refuses an all-zero seed in a file', async () => {
    const file = JSON.parse(fromUtf8(await sealKeyFile(seed, undefined))) as object;
    const content = utf8(JSON.stringify({ ...file, seed: toBase64Url(new Uint8Array(32)) }));
    await expect(openKeyFile(content, never, 'admin.key')).rejects.toMatchObject({
      code: 'weak_secret',
    });
  });
  it('refuses to make one of an all-zero seed', () =>
    expect(sealKeyFile(new Uint8Array(32), undefined)).rejects.toMatchObject({
      code: 'bad_public_key',
    }));
});

describe('a new passphrase', () => {
  const none = { write: () => true };
  const streams = { stdin: {}, stdout: none, stderr: none, env: {} };
  const terminal = createTerminal(streams, { json: false });
  const given = (passphrase: string, isNew: boolean): Promise<string> =>
    passphraseFrom(
      { terminal, env: { COATCHECK_PASSPHRASE: passphrase }, file: undefined },
      { isNew },
    );

  it('has twelve characters at least', async () => {
    expect(await given('\u{1f511}'.repeat(12), true)).toHaveLength(24);
    for (const short of ['', 'x'.repeat(11), '\u{1f511}'.repeat(11), 'u\u0308'.repeat(11)]) {
      await expect(given(short, true)).rejects.toMatchObject({ code: 'weak_secret' });
    }
  });
  it('is held to that when it is chosen, not when it opens an older key', async () =>
    expect(await given('short', false)).toBe('short'));
});
