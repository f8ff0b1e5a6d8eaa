import { realpath } from 'node:fs/promises';
import { keyWords } from '../../admin/administrators.ts';
import { fail } from '../../protocol/errors.ts';
import { ownPassphrase, readKeyFile } from '../context.ts';
import type { Context } from '../context.ts';
import { publicKeysIn, sealKeyFile, seedInKeyFile } from '../key-file.ts';
import { passphraseFrom } from '../passphrase.ts';
import { replaceUnchanged } from '../replace-unchanged.ts';

/** What `coatcheck key passphrase` was told. */
export interface PassphraseOptions {
  readonly newPassphraseFile?: string;
  readonly noPassphrase: boolean;
}

/**
 * `coatcheck key passphrase`: the same key under another passphrase, or none. The file is replaced in one
 * step: whatever ends this, it opens with the old passphrase or with the new one.
 */
export async function keyPassphrase(context: Context, options: PassphraseOptions): Promise<void> {
  const { terminal, home } = context;
  const before = await readKeyFile(home);
  const seed = await seedInKeyFile(before, () => ownPassphrase(context), home.keyFile);
  const passphrase = options.noPassphrase ? undefined : await newPassphrase(context, options);
  const after = await sealKeyFile(seed, passphrase);
  seed.fill(0);
  // A key that is elsewhere stays there: only a link to it is in the folder.
  const path = await realpath(home.keyFile);
  await replaceUnchanged(path, before, after, 0o600);
  const words = keyWords(publicKeysIn(after, home.keyFile));
  terminal.document({ key: home.keyFile, passphrase: passphrase !== undefined, words });
  if (passphrase === undefined) {
    terminal.print(`${home.keyFile} needs no passphrase any more; its words stay: ${words}`);
    terminal.warn('the admin key has no passphrase: whoever reads it approves');
  } else {
    terminal.print(`${home.keyFile} has another passphrase; its words stay: ${words}`);
  }
  terminal.hint('older copies, and backups, open as they did: replace them as well');
}

async function newPassphrase(
  { terminal, env }: Context,
  { newPassphraseFile: file }: PassphraseOptions,
): Promise<string> {
  if (file === undefined && !terminal.interactive) {
    throw fail(
      'usage',
      'where nobody can be asked, the new passphrase is of --new-passphrase-file; --no-passphrase is for none',
    );
  }
  // The variable of the old one must not stand in for the new one.
  const { COATCHECK_PASSPHRASE: _, ...others } = env;
  return passphraseFrom({ terminal, env: others, file }, { isNew: true });
}
