import type { AnswerName } from '../cmdline/answers.ts';
import { ANSWERS } from '../cmdline/arguments.ts';

const argumentOf = (name: AnswerName): (typeof ANSWERS)[number] =>
  ANSWERS.find((argument) => argument.name === name)!;

/** The table is written for a page in Markdown. */
const plain = (markdown: string): string => markdown.replaceAll('`', '');

/** What holds where nobody gives an answer, in a few words. */
export const usuallyOf = (name: AnswerName): string => plain(argumentOf(name).otherwise);

/** What an answer means, and how the kernel's command line gives it. */
export function explain(name: AnswerName): string {
  const { meaning, example } = argumentOf(name);
  return `${plain(meaning)}; as an argument of the kernel: ${example}`;
}
