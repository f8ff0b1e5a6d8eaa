import { answerOf } from '../cmdline/answers.ts';
import type { AnswerName } from '../cmdline/answers.ts';

/** The table is written for a page in Markdown. */
const plain = (markdown: string): string => markdown.replaceAll('`', '');

/** What holds where nobody gives an answer, in a few words. */
export const usuallyOf = (name: AnswerName): string => plain(answerOf(name).otherwise);

/** What an answer means, and how the kernel's command line gives it. */
export function explain(name: AnswerName): string {
  const { meaning, example } = answerOf(name);
  return `${plain(meaning)}; as an argument of the kernel: ${example}`;
}
