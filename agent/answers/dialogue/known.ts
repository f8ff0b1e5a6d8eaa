import { hasCode } from '../../../protocol/errors.ts';
import { ANSWERS, checkAnswer } from '../cmdline/answers.ts';
import type { AnswerName, Answers } from '../cmdline/answers.ts';

/** By the names of the arguments, from a bundle or from DHCP: nobody checked them. */
export type ClaimedAnswers = Readonly<Record<string, string | undefined>>;

/**
 * Of what others call answers (a bundle, DHCP) those that are some: a known name and a value that
 * its argument could have. The rest is dropped without a word: somebody is about to be asked.
 */
export function knownAnswers(claimed: ClaimedAnswers): Answers {
  const known: Partial<Record<AnswerName, string>> = {};
  for (const { name } of ANSWERS) {
    const text = Object.hasOwn(claimed, name) ? claimed[name] : undefined;
    if (text === undefined) continue;
    try {
      known[name] = checkAnswer(name, text);
    } catch (error) {
      if (!hasCode(error, 'bad_argument')) throw error;
    }
  }
  return known;
}
