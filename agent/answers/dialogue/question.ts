import { hasCode } from '../../../protocol/errors.ts';
import { checkAnswer, SECRET_ANSWERS } from '../cmdline/answers.ts';
import type { AnswerName, Answers } from '../cmdline/answers.ts';
import type { Asker } from './asker.ts';
import type { cryptPassword } from './crypt.ts';
import { explain, usuallyOf } from './explain.ts';
import type { ClaimedAnswers } from './known.ts';
import { takePassword } from './password.ts';
import { isStatic } from './questions.ts';
import type { Question } from './questions.ts';

/** What the machine knows of itself and its network before anybody is asked. */
export interface Facts {
  /** Those that it can boot over. */
  readonly interfaces: readonly {
    readonly name: string;
    readonly mac: string;
    readonly hasLink: boolean;
  }[];
  /** What DHCP said: `hostname`, `ip`, `netmask`, `gateway`, `dns`, `ntp`. */
  readonly offered: ClaimedAnswers;
  /** Whether the answers are applied with nobody's approval; otherwise they are sent to get it. */
  readonly unapproved?: boolean;
}

/** A dialogue that goes on. */
export interface Dialogue {
  readonly asker: Asker;
  readonly facts: Facts;
  readonly offered: Answers;
  readonly crypt: typeof cryptPassword;
}

/** @returns the answers with this one; undefined to go back */
export async function askQuestion(
  dialogue: Dialogue,
  question: Question,
  answers: Answers,
): Promise<Answers | undefined> {
  const { asker } = dialogue;
  const { name, label, form, needed = false } = question;
  const { [name]: given, ...others } = answers;
  const known = given ?? offerFor(dialogue, name, answers) ?? question.usual;
  const secret = SECRET_ANSWERS.includes(name);
  const shown = secret && known !== undefined ? 'as it is' : known;
  const kept = shown ?? (needed ? 'none' : usuallyOf(name));
  const prompt = `${label}${form === undefined ? '' : ` (${form})`} [${kept}]:`;
  for (;;) {
    const typed = await asker.ask(prompt, { secret });
    if (typed === '<') return undefined;
    if (typed === '?') {
      asker.say(explain(name));
      continue;
    }
    const answer = typed === '' ? known : typed === '-' ? undefined : typed;
    if (answer === undefined && needed) asker.say('It cannot stay empty.');
    else if (answer === undefined) return others;
    else {
      const taken = typed === '' ? answer : await take(dialogue, name, answer);
      if (taken !== undefined) return { ...answers, [name]: taken };
    }
  }
}

/** @returns undefined to ask once more */
async function take(
  { asker, crypt }: Dialogue,
  name: AnswerName,
  typed: string,
): Promise<string | undefined> {
  try {
    if (SECRET_ANSWERS.includes(name)) return await takePassword(asker, crypt, name, typed);
    return checkAnswer(name, typed);
  } catch (error) {
    if (!hasCode(error, 'bad_argument')) throw error;
    asker.say((error as Error).message);
    return undefined;
  }
}

/** A name from DHCP will do; an address only where the machine is to have one of its own. */
function offerFor({ offered }: Dialogue, name: AnswerName, answers: Answers): string | undefined {
  const isOffered = name === 'hostname' || (isStatic(answers) && ADDRESSES.includes(name));
  return isOffered ? offered[name] : undefined;
}
const ADDRESSES: readonly AnswerName[] = ['netmask', 'gateway', 'dns', 'ntp'];
