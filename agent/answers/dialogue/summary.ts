import { SECRET_ANSWERS } from '../cmdline/answers.ts';
import type { AnswerName, Answers } from '../cmdline/answers.ts';
import { usuallyOf } from './explain.ts';
import { PAGES, sensible } from './questions.ts';

const LABEL_CHARACTERS = 20;

/** What a person confirms, page by page, and what came from elsewhere; of a password only that it is. */
export function summaryOf(all: Answers): string {
  const answers = sensible(all);
  const asked = PAGES.flatMap(({ questions }) => questions.map(({ name }) => name));
  const pages = PAGES.flatMap(({ title, questions }, i) => {
    const lines = questions.flatMap(({ name, label }) => line(label, name, answers));
    return lines.length === 0 ? [] : [`${i + 1} ${title}`, ...lines];
  });
  const others = (Object.keys(answers) as AnswerName[])
    .filter((name) => !asked.includes(name))
    .flatMap((name) => line(name, name, answers));
  return [...pages, ...(others.length === 0 ? [] : ['- Not asked', ...others])].join('\n');
}

function line(label: string, name: AnswerName, answers: Answers): string[] {
  const isSecret = SECRET_ANSWERS.includes(name);
  const value = answers[name];
  if (value === undefined) return isSecret ? [row(label, usuallyOf(name))] : [];
  return [row(label, isSecret ? 'set, not shown' : value)];
}

const row = (label: string, value: string): string =>
  `  ${label.padEnd(LABEL_CHARACTERS)} ${value}`;
