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
  /** `--passphrase-command`, COATCHECK_PASSPHRASE_COMMAND */
  readonly passphraseCommand: string | undefined;
}

/** Where the passphrase of this command's key comes from. */
export function passphraseSource(context: Context): PassphraseSource {
  const { terminal, env, passphraseFile: file, passphraseCommand: command } = context;
  return { terminal, env, file, command };
}

/**
 * Opens the admin key of the home folder.
 * @throws file_missing, file_unsafe, file_malformed, wrong_passphrase
 */
export async function unlock(context: Context): Promise<Identity> {
  const { keyFile } = context.home;
  const content = await readKeyFile(context.home);
  return openKeyFile(content, () => ownPassphrase(context), keyFile);
}

/** The passphrase that opens the key of the home folder, or other keys there. @throws as `passphraseFrom` */
export const ownPassphrase = (context: Context, whose?: string): Promise<string> =>
  passphraseFrom(passphraseSource(context), {
    isNew: false,
    ...(whose !== undefined && { whose }),
  });

/** @throws file_missing, file_unsafe, file_malformed */
export async function readKeyFile({ keyFile }: Home): Promise<Uint8Array> {
  try {
    return await readLocalFile(keyFile, { maxBytes: MAX_KEY_FILE_BYTES, secret: true });
  } catch (error) {
    if (!hasCode(error, 'file_missing')) throw error;
    throw fail('file_missing', `${keyFile} does not exist: this needs an administrator's key`);
  }
}
