import type { Draft } from '../boot/snapshot.ts';
import type { BootOptions } from '../boot/boot.ts';
import { askWhileLooking } from '../boot/asking.ts';
import type { Outage } from '../boot/outage.ts';
import { createPatience } from '../boot/patience.ts';
import type { Patience } from '../boot/patience.ts';
import type { Orders, UnreachablePolicy } from '../answers/cmdline/orders.ts';
import { fail, hasCode } from '../../protocol/errors.ts';
import { missingAnswers } from '../answers/cmdline/together.ts';
import type { KeyTerminal } from '../answers/dialogue/terminal.ts';
import { askWhatToDo } from '../answers/dialogue/what-to-do.ts';
import { askedDraft, madeDraft } from './drafts.ts';
import type { DraftInput } from './drafts.ts';

/** A server that starts again, or a switch, is no reason to go on without it. */
const GRACE_SECONDS = 30;

/**
 * What the command line orders: a mirror that is named is used.
 * @throws bad_argument where mirrors are ordered and none is named
 */
export function policyOf({
  unreachable,
  mirrors,
}: Pick<Orders, 'unreachable' | 'mirrors'>): UnreachablePolicy {
  const isNamed = mirrors.length > 0;
  if (unreachable === 'mirror' && !isNamed) {
    throw fail('bad_argument', 'coatcheck.unreachable=mirror: no coatcheck.mirror= says where');
  }
  return unreachable ?? (isNamed ? 'mirror' : 'wait');
}

/**
 * What a machine does while no server gives it anything good (docs/node.md, "The server is down").
 * `reconfigure` and `prompt` end with what nobody approved. The command line alone proves nothing, so
 * the pinned site has to allow that. What is applied is made of the command line or of a person's
 * answers at the console; the question ends as soon as a server answers.
 * @param patience between the looks while somebody is asked
 * @returns undefined where it only waits
 */
export function unapprovedOption(
  policy: UnreachablePolicy,
  input: DraftInput,
  outage: Outage,
  patience: Patience = createPatience(),
): BootOptions['unapproved'] {
  const { node, terminal, answers } = input;
  if (policy === 'wait' || policy === 'mirror') return undefined;
  const refused = whyNot(node);
  if (refused !== undefined) {
    const waits = policy === 'prompt' ? 'can only wait' : 'waits';
    node.console.note(`coatcheck.unreachable=${policy}: ${refused}, so this machine ${waits}`);
  }
  const ask = async (
    at: KeyTerminal,
    why: string,
    overtaken: AbortSignal,
  ): Promise<Draft | undefined> => {
    if (policy === 'prompt' && (await askWhatToDo(at, why, overtaken)) === 'wait') return undefined;
    const question = { initial: answers, unapproved: true, signal: overtaken };
    return (await askedDraft(input, at, question))?.draft;
  };
  const isAnswered = async (): Promise<boolean> =>
    (await outage.source.inForce()).state !== 'failed';
  return async ({ message: why }) => {
    if (refused !== undefined || outage.seconds() < GRACE_SECONDS) return undefined;
    const isEnough = missingAnswers(answers).length === 0;
    if (policy === 'reconfigure' && isEnough) return madeDraft(input, answers);
    if (terminal === undefined) return undefined;
    patience.restart();
    try {
      return await askWhileLooking((over) => ask(terminal, why, over), isAnswered, patience);
    } catch (error) {
      // The console hung up: the servers are still asked.
      if (hasCode(error, 'interrupted')) return undefined;
      throw error;
    }
  };
}

/** Why nothing unapproved is applied. Until its start ends, what runs on a bound machine can have its key (docs/adr/0315). */
function whyNot({ site, authority }: DraftInput['node']): string | undefined {
  if (site.unapprovedWhenUnreachable !== true)
    return 'site.json does not allow what nobody approved (unapprovedWhenUnreachable)';
  return (
    authority &&
    "the TPM opens this machine's key or memory, and whoever chose what runs could take it"
  );
}
