import { fail } from '../protocol/errors.ts';
import { readLocalFile } from '../files/read.ts';
import { textIn } from '../files/text.ts';
import { giveWidth } from './confirm.ts';
import { firstLineOf } from './passphrase-command.ts';
import type { Terminal } from './terminal.ts';

/** Where a passphrase may come from: a file, a command, the environment, a person. */
export interface PassphraseSource {
  readonly terminal: Terminal;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `--passphrase-file` */
  readonly file?: string | undefined;
  /** `--passphrase-command` */
  readonly command?: string | undefined;
}

const MAX_PASSPHRASE_BYTES = 1024;

/** Of a new passphrase: characters, after Unicode NFC. */
const MIN_CHARACTERS = 12;

/**
 * The passphrase of a key: from `--passphrase-file`, else from `--passphrase-command`, else from
 * COATCHECK_PASSPHRASE, else asked for (twice if it is new).
 * @param whose it is, for who is asked
 * @throws weak_secret for an empty one, and a new one of fewer than 12 characters; usage where nobody can be
 *   asked, interrupted; what the file and the command throw
 */
export async function passphraseFrom(
  source: PassphraseSource,
  { isNew, whose = 'the admin key' }: { isNew: boolean; whose?: string },
): Promise<string> {
  const options = { isNew };
  const given = await givenPassphrase(source);
  if (given !== undefined) {
    const weak = weakness(given, options);
    if (weak !== undefined) throw fail('weak_secret', weak);
    return given;
  }
  if (!source.terminal.interactive) {
    throw fail(
      'usage',
      `there has to be a passphrase of ${whose}: where nobody can be asked, it is of --passphrase-file, --passphrase-command or COATCHECK_PASSPHRASE`,
    );
  }
  const passphrase = await askSecret(
    isNew ? `Choose a passphrase for ${whose}` : `Passphrase of ${whose}`,
    options,
  );
  if (isNew && (await askSecret('The same passphrase again', options)) !== passphrase) {
    throw fail('usage', 'the two passphrases differ: nothing was made');
  }
  return passphrase;
}

async function givenPassphrase(source: PassphraseSource): Promise<string | undefined> {
  if (source.file === undefined) {
    if (source.command !== undefined) return firstLineOf(source.command, source.env);
    return source.env['COATCHECK_PASSPHRASE'];
  }
  const bytes = await readLocalFile(source.file, { maxBytes: MAX_PASSPHRASE_BYTES, secret: true });
  return textIn(bytes, source.file).replace(/\r?\n$/, '');
}

/** Why a passphrase is refused, in one sentence; undefined if it is not. */
function weakness(passphrase: string, { isNew }: { isNew: boolean }): string | undefined {
  if (passphrase === '') {
    return `an empty passphrase is refused${isNew ? ': --no-passphrase says that there is to be none' : ''}`;
  }
  if (!isNew || Array.from(passphrase.normalize('NFC')).length >= MIN_CHARACTERS) return undefined;
  return `a passphrase of fewer than ${MIN_CHARACTERS} characters is refused: choose a longer one`;
}

async function askSecret(message: string, options: { isNew: boolean }): Promise<string> {
  giveWidth(process.stderr);
  const { isCancel, password } = await import('@clack/prompts');
  const answer = await password({
    message,
    validate: (value) => weakness(value ?? '', options),
    output: process.stderr,
  });
  if (isCancel(answer)) throw fail('interrupted', 'interrupted: nothing was changed');
  return answer;
}
