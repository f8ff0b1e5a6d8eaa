import type { Metadata } from '../../../bundle/manifest.ts';
import { hasCode } from '../../../protocol/errors.ts';
import { ANSWERS, checkAnswer } from '../cmdline/answers.ts';
import type { Answers } from '../cmdline/answers.ts';

const KEPT = ANSWERS.filter(({ isSecret }) => !isSecret).map(({ name }) => name);

/** The answers as a bundle keeps them for a later dialogue: in lower case, and no secret. */
export function keptAnswers(answers: Answers): Record<string, string> {
  return Object.fromEntries(
    KEPT.flatMap((name) => {
      const value = answers[name];
      return value === undefined ? [] : [[name.toLowerCase(), value] as const];
    }),
  );
}

/** The answers that a bundle keeps. One that this version would not take is left out. */
export function answersOf({ answers: kept = {} }: Metadata): Answers {
  return Object.fromEntries(
    KEPT.flatMap((name) => {
      const value = Object.hasOwn(kept, name.toLowerCase()) ? kept[name.toLowerCase()] : undefined;
      if (value === undefined) return [];
      try {
        return [[name, checkAnswer(name, value)] as const];
      } catch (error) {
        if (hasCode(error, 'bad_argument')) return [];
        throw error;
      }
    }),
  );
}
