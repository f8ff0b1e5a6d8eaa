import { openKeyFile, MAX_KEY_FILE_BYTES } from './key-file.ts';
import { readLocalFile } from '../files/read.ts';
import type { Home } from './home.ts';
import { passphraseFrom } from './passphrase.ts';
import type { PassphraseSource } from './passphrase.ts';
import type { Streams, Terminal } from './terminal.ts';
import type { Identity } from '../bundle/index.ts';
import { fail, hasCode } from '../protocol/errors.ts';

/** What every command is given: the global options and the surroundings. */
export interface Context {
  readonly terminal: Terminal;
  readonly home: Home;
  readonly env: Streams['env'];
  /** `--server`, COATCHECK_SERVER */
  readonly server: string | undefined;
  /** `--passphrase-file` */
  readonly passphraseFile: string | undefined;
}

/** Where the passphrase of this command's key comes from. */
export function passphraseSource(context: Context): PassphraseSource {
  return { terminal: context.terminal, env: context.env, file: context.passphraseFile };
}

/**
 * Opens the admin key of the home folder.
 * @throws file_missing, file_unsafe, file_malformed, wrong_passphrase
 */
export async function unlock(context: Context): Promise<Identity> {
  const { keyFile } = context.home;
  let content: Uint8Array;
  try {
    content = await readLocalFile(keyFile, { maxBytes: MAX_KEY_FILE_BYTES, secret: true });
  } catch (error) {
    if (!hasCode(error, 'file_missing')) throw error;
    throw fail('file_missing', `${keyFile} does not exist: this needs an administrator's key`);
  }
  const passphrase = () => passphraseFrom(passphraseSource(context), { isNew: false });
  return openKeyFile(content, passphrase, keyFile);
}
