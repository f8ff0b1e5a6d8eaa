import { checkAnswer } from '../cmdline/answers.ts';
import type { AnswerName } from '../cmdline/answers.ts';
import type { Asker } from './asker.ts';
import type { cryptPassword } from './crypt.ts';

/** OpenSSL cuts a longer one at 256 without a failure. */
const MAX_PASSWORD_CHARACTERS = 128;

/**
 * Asks for a password twice and crypts it at once. Where the image cannot, asks for one that is
 * crypted already.
 * @param first what was typed at the question
 * @returns undefined to ask the question again
 * @throws bad_argument for what is no crypted password
 */
export async function takePassword(
  asker: Asker,
  crypt: typeof cryptPassword,
  name: AnswerName,
  first: string,
): Promise<string | undefined> {
  if (first.length > MAX_PASSWORD_CHARACTERS) {
    asker.say(`A password has at most ${MAX_PASSWORD_CHARACTERS} characters.`);
    return undefined;
  }
  if ((await asker.ask('The same again:', { secret: true })) !== first) {
    asker.say('The two differ.');
    return undefined;
  }
  const crypted = await crypt(first);
  if (crypted !== undefined) return checkAnswer(name, crypted);
  asker.say('No program of this image crypts passwords (openssl, mkpasswd): crypt it elsewhere.');
  const given = await asker.ask('Crypted password, $6$...; Enter for none:', { secret: true });
  return given === '' ? undefined : checkAnswer(name, given);
}
