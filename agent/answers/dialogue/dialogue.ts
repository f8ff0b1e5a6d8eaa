import { hasCode } from '../../../protocol/errors.ts';
import type { Answers } from '../cmdline/answers.ts';
import { checkTogether, missingAnswers } from '../cmdline/together.ts';
import { createAsker, StoppedAsking } from './asker.ts';
import { cryptPassword } from './crypt.ts';
import { knownAnswers } from './known.ts';
import type { ClaimedAnswers } from './known.ts';
import { askQuestion } from './question.ts';
import type { Dialogue, Facts } from './question.ts';
import { PAGES, sensible } from './questions.ts';
import type { Page } from './questions.ts';
import { summaryOf } from './summary.ts';
import type { KeyTerminal } from './terminal.ts';

export type { Facts } from './question.ts';

/** How a dialogue is held. */
export interface DialogueOptions {
  /** Ends it: an administrator has decided meanwhile. */
  readonly signal?: AbortSignal;
  readonly crypt?: typeof cryptPassword;
}

/**
 * Asks a person for the configuration of this machine, page by page, and shows what they answered.
 * Nothing is kept anywhere until the promise is fulfilled; whatever others said is escaped.
 * @param initial what is known already: the command line's answers, or those of a refused or
 *   replaced bundle
 * @returns every answer in its canonical form, passwords crypted, once it was confirmed; undefined if
 *   the person stopped
 * @throws interrupted if the terminal was closed, or `signal` ended it
 */
export async function askForAnswers(
  terminal: KeyTerminal,
  initial: ClaimedAnswers,
  facts: Facts,
  { signal, crypt = cryptPassword }: DialogueOptions = {},
): Promise<Answers | undefined> {
  const asker = createAsker(terminal, signal);
  const offered = knownAnswers(facts.offered);
  try {
    return await converse({ asker, facts, offered, crypt }, knownAnswers(initial));
  } catch (error) {
    if (!(error instanceof StoppedAsking)) throw error;
    asker.say(`Stopped. Nothing was ${facts.unapproved === true ? 'applied' : 'sent'}.`);
    return undefined;
  } finally {
    terminal.release();
  }
}

async function converse(dialogue: Dialogue, initial: Answers): Promise<Answers> {
  const { asker, facts } = dialogue;
  const { unapproved = false } = facts;
  if (unapproved)
    asker.say('\nUNAPPROVED: your answers are applied, and nobody has reviewed them.');
  asker.say('\nThe configuration of this machine. Enter keeps what is in [ ].');
  asker.say('- empties it, < goes back, ? explains, ^U erases the line, ^C stops.');
  let answers = await askPages(dialogue, PAGES, initial);
  for (;;) {
    await asker.show(`\nSummary\n${summaryOf(answers)}`);
    asker.say(
      `yes ${unapproved ? 'applies' : 'sends'} it, 1 to ${PAGES.length} corrects that page, no stops.`,
    );
    const choice = (await asker.ask(unapproved ? 'Apply it?' : 'Send it?')).toLowerCase();
    if (choice === 'no') throw new StoppedAsking();
    const wrong = choice === 'yes' ? whatIsWrong(sensible(answers)) : undefined;
    if (wrong !== undefined) asker.say(wrong);
    else if (choice === 'yes') return sensible(answers);
    const page = /^[1-9]$/.test(choice) ? PAGES[Number(choice) - 1] : undefined;
    if (page !== undefined) answers = await askPages(dialogue, [page], answers);
  }
}

/** What keeps answers from being a configuration, although each is good for itself. */
function whatIsWrong(answers: Answers): string | undefined {
  const missing = missingAnswers(answers);
  if (missing.length > 0) return `${missing.join(', ')}: it cannot stay empty.`;
  try {
    checkTogether(answers);
    return undefined;
  } catch (error) {
    if (!hasCode(error, 'bad_argument')) throw error;
    return (error as Error).message;
  }
}

/** Question by question, and back. */
async function askPages(
  dialogue: Dialogue,
  pages: readonly Page[],
  before: Answers,
): Promise<Answers> {
  const questions = pages.flatMap((page) => page.questions.map((question) => ({ page, question })));
  const asked: number[] = [];
  let answers = before;
  let shown: Page | undefined;
  for (let at = 0; at < questions.length;) {
    const { page, question } = questions[at]!;
    if (question.when?.(answers) === false) {
      at++;
      continue;
    }
    if (page !== shown) tellPage(dialogue, page);
    shown = page;
    const next = await askQuestion(dialogue, question, answers);
    if (next === undefined) at = asked.pop() ?? at;
    else {
      answers = next;
      asked.push(at++);
    }
  }
  return answers;
}

function tellPage({ asker, facts, offered }: Dialogue, page: Page): void {
  asker.say(`\n${PAGES.indexOf(page) + 1}/${PAGES.length} ${page.title}`);
  if (page.title !== 'Network') return;
  for (const { name, mac, hasLink } of facts.interfaces) {
    asker.say(`  ${name.padEnd(15)} ${mac} ${hasLink ? 'link' : 'no link'}`);
  }
  const { ip, gateway, dns } = offered;
  if (ip === undefined) return;
  asker.say(`  DHCP offers ${ip}, gateway ${gateway ?? 'none'}, name servers ${dns ?? 'none'}`);
}
