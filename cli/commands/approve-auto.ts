import { MAX_RULES_BYTES, parseRules, planByRules } from '../../admin/rules.ts';
import type { Ruled, RulePlans } from '../../admin/rules.ts';
import { nodeWords } from '../../bundle/words.ts';
import { withLock } from '../../files/lock.ts';
import { readLocalFile } from '../../files/read.ts';
import { textIn } from '../../files/text.ts';
import { count } from '../../protocol/count.ts';
import { escapeLine } from '../../protocol/escape.ts';
import { leftToPersonText } from '../../words/rules.ts';
import type { Context } from '../context.ts';
import { defaultExpires } from '../default-expires.ts';
import { openSession } from '../session.ts';
import type { Terminal } from '../terminal.ts';
import { expiresOf } from './approve.ts';
import { signManyAsked } from './many.ts';

/** What the command line says of an approval by rules. */
export interface AutoOptions {
  readonly dryRun?: boolean;
  readonly expires?: string;
}

/**
 * `coatcheck approve --auto RULES`: approves what the rules of a file let through, asking nobody, and says of the
 * rest why a person decides. Of two runs with one key the later one waits, or is refused: both would count
 * what the other is about to approve.
 * @throws file_malformed, file_unsafe (the rules), in_use; as {@link signManyAsked}
 */
export async function approveAuto(
  context: Context,
  path: string,
  { dryRun = false, expires }: AutoOptions,
): Promise<void> {
  const { terminal, home } = context;
  // Whoever can write to it approves what they like.
  const bytes = await readLocalFile(path, { maxBytes: MAX_RULES_BYTES, secret: true });
  const rules = parseRules(textIn(bytes, path), path);
  const usual = await defaultExpires(home);
  const run = async (): Promise<void> => {
    const session = await openSession(context);
    const end = expiresOf(session, terminal, expires, usual);
    const plans = await terminal.waiting('looking at what waits', () =>
      planByRules(session, rules, end === undefined ? {} : { expires: end }),
    );
    printPlans(terminal, plans);
    const document = documentOf(plans);
    if (dryRun) {
      terminal.document(document);
      terminal.hint('nothing was signed: this is what the rules come to now');
      return;
    }
    const asked = { verb: 'Approve', noun: 'proposal', flags: { yes: true }, document };
    await signManyAsked(session, terminal, { planned: plans.planned, leftOut: [] }, asked);
  };
  await (dryRun ? run() : withLock({ folder: home.folder, label: 'rules.lock' }, run));
}

function printPlans(terminal: Terminal, { planned, left }: RulePlans): void {
  for (const { plan, rule } of planned) {
    terminal.print(`rule ${escapeLine(rule)}: ${plan.node} (${nodeWords(plan.node)})`);
  }
  if (left.length === 0) return;
  const waits = left.length === 1 ? 'waits' : 'wait';
  terminal.print(terminal.style.bold(`${count(left.length, 'node')} ${waits} for a person:`));
  for (const { node, why } of left) {
    const said = why.map((one) => escapeLine(leftToPersonText(node, one).message)).join('; ');
    terminal.print(`  ${node}: ${said}`);
  }
}

function documentOf({ planned, left }: RulePlans) {
  return {
    byRule: planned.map(({ plan: { node }, rule }: Ruled) => ({
      ...{ node, words: nodeWords(node), rule },
    })),
    forPerson: left.map(({ node, why }) => ({
      ...{ node, words: nodeWords(node) },
      why: why.map((one) => leftToPersonText(node, one)),
    })),
  };
}
