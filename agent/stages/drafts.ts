import { CoatcheckError } from '../../bundle/errors.ts';
import { makeFiles } from '../answers/autoinstall/make-files.ts';
import { answersOf } from '../answers/autoinstall/kept-answers.ts';
import { findLayout } from '../answers/autoinstall/layout.ts';
import type { BootDevice } from '../answers/autoinstall/network-files.ts';
import { madeOn, readBaseline } from '../apply/baseline.ts';
import { hostKeys } from '../boot/snapshot.ts';
import type { Draft } from '../boot/snapshot.ts';
import type { BootOptions } from '../boot/boot.ts';
import type { Decision } from '../boot/source.ts';
import type { Answers } from '../answers/cmdline/answers.ts';
import { missingAnswers } from '../answers/cmdline/together.ts';
import { askForAnswers } from '../answers/dialogue/dialogue.ts';
import type { Facts } from '../answers/dialogue/dialogue.ts';
import type { KeyTerminal } from '../answers/dialogue/terminal.ts';
import { openOwn } from '../boot/node.ts';
import type { Node } from '../boot/node.ts';
import { withRoot } from '../tree/folder.ts';

/** What a configuration can be made of. */
export interface DraftInput {
  readonly node: Node;
  /** Of the command line */
  readonly answers: Answers;
  /** A network may come up after the boot began: both are of the moment. */
  readonly bootDevice: () => BootDevice;
  readonly facts: () => Omit<Facts, 'unapproved'>;
  /** A draft may be made at each look: told each line once. */
  readonly note: (line: string) => void;
  /** Absent where there is nobody to ask. */
  readonly terminal?: KeyTerminal | undefined;
}

/**
 * How this machine makes a configuration where it has none: autoinstall, if the command line says
 * enough; otherwise a person at the console, if there is one. A refusal leads to the dialogue.
 * @returns the options of a boot; none where neither can be: then it waits for an administrator
 */
export function draftOptions(
  input: DraftInput,
): Pick<BootOptions, 'draft' | 'redraft' | 'asks' | 'pressed'> {
  const { node, answers, terminal } = input;
  // What a machine was before is worth more than anybody's answers: under approval `none` nobody would look at it.
  const isMoving = node.former !== undefined && node.site.approval !== 'none';
  const missing = missingAnswers(answers);
  const isEnough = missing.length === 0;
  if (terminal === undefined && !isEnough) {
    if (isMoving) return { draft: (inForce) => Promise.resolve(movingDraft(node, inForce)) };
    node.console.note(
      `the command line does not say ${missing.join(', ')}, and there is no terminal to ask at: an administrator has to make the configuration`,
    );
    return {};
  }
  // What somebody answered, passwords too: no bundle keeps those, and nobody types them twice.
  let typed: Answers | undefined;
  const ask = async (question: Question): Promise<Draft | undefined> => {
    const asked = await askedDraft(input, terminal!, question);
    if (asked !== undefined) typed = asked.answers;
    return asked?.draft;
  };
  const asking = terminal && {
    redraft: async (refusal: Decision, overtaken: AbortSignal) =>
      await ask({
        initial: typed ?? { ...answers, ...earlierAnswers(node, refusal) },
        signal: overtaken,
      }),
    pressed: (over: AbortSignal) => terminal.pressed(over),
  };
  if (isEnough) return { draft: async () => Promise.resolve(madeDraft(input, answers)), ...asking };
  return {
    draft: async (inForce, overtaken) =>
      (isMoving ? movingDraft(node, inForce) : undefined) ??
      (await ask({
        initial: typed ?? { ...earlierAnswers(node, inForce), ...answers },
        signal: overtaken,
      })),
    ...asking,
    asks: true,
  };
}

/** Nothing but what its metadata say: which machine this was. None where something was decided about it. */
function movingDraft({ rootPath }: Node, inForce: Decision | undefined): Draft | undefined {
  if (inForce !== undefined) return undefined;
  return {
    files: [],
    metadata: withRoot(rootPath, (root) => madeOn(root, readBaseline(root))),
  };
}

/** @throws bad_argument where answers are missing, or contradict one another */
export function madeDraft({ node, bootDevice, facts, note }: DraftInput, answers: Answers): Draft {
  const { layout, image } = withRoot(node.rootPath, (root) => ({
    layout: findLayout(root),
    image: madeOn(root, readBaseline(root)),
  }));
  const nameOf = (mac: string): string | undefined =>
    facts().interfaces.find((one) => one.mac === mac)?.name;
  const { files, metadata, unmet } = makeFiles(answers, layout, bootDevice(), nameOf);
  if (unmet.length > 0) {
    note(`this image has no use for ${unmet.join(', ')}: left out`);
  }
  return { files, metadata: { ...metadata, ...image }, made: hostKeys(node) };
}

interface Question {
  readonly initial: Answers;
  readonly signal?: AbortSignal;
  readonly unapproved?: boolean;
}

/** @returns undefined if the person stopped */
export async function askedDraft(
  input: DraftInput,
  terminal: KeyTerminal,
  { initial, signal, unapproved = false }: Question,
): Promise<{ draft: Draft; answers: Answers } | undefined> {
  const facts = { ...input.facts(), unapproved };
  const answers = await askForAnswers(terminal, initial, facts, signal && { signal });
  return answers && { draft: madeDraft(input, answers), answers };
}

function earlierAnswers(node: Node, before: Decision | undefined): Answers {
  const bundle = before?.frame.bundle;
  if (bundle === undefined) return {};
  try {
    return answersOf(openOwn(node, bundle).metadata);
  } catch (error) {
    // Sealed to an earlier key of this machine: it starts from nothing.
    if (error instanceof CoatcheckError) return {};
    throw error;
  }
}
