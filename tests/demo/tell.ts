import { styleText } from 'node:util';

/** How one check of a group came out. */
export interface Outcome {
  readonly ok: boolean;
  /** what was found where something else was promised */
  readonly detail?: string;
}

/** Tells the story on a stream and counts what was promised and kept. */
export interface Narrator {
  readonly chapter: (title: string) => void;
  readonly note: (text: string) => void;
  /** A command line, as one would type it. */
  readonly command: (line: string) => void;
  /** What a command printed; of more than `maxLines`, the beginning and the end. */
  readonly output: (text: string, maxLines?: number) => void;
  /** One promise. @returns `ok` */
  readonly check: (promise: string, ok: boolean, detail?: string) => boolean;
  /** The same promise about many things, each counted, told in one line. */
  readonly checkEach: (promise: string, outcomes: readonly Outcome[]) => boolean;
  readonly result: () => { readonly passed: number; readonly failed: number };
}

type Colour = 'bold' | 'dim' | 'green' | 'red' | 'cyan';

export function createNarrator(stream: NodeJS.WriteStream, env = process.env): Narrator {
  const coloured = stream.isTTY && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
  const paint = (colour: Colour, text: string): string =>
    coloured ? styleText(colour, text, { validateStream: false }) : text;
  const say = (line = ''): void => void stream.write(`${line}\n`);
  const count = { passed: 0, failed: 0 };
  let chapters = 0;

  function checkEach(promise: string, outcomes: readonly Outcome[]): boolean {
    const broken = outcomes.filter(({ ok }) => !ok);
    count.passed += outcomes.length - broken.length;
    count.failed += broken.length;
    if (broken.length === 0) say(`  ${paint('green', '✓')} ${promise}`);
    else say(`  ${paint('red', '✗')} ${promise}`);
    for (const { detail } of broken.slice(0, 10))
      say(`      ${paint('red', detail ?? 'it is not so')}`);
    return broken.length === 0;
  }

  return {
    chapter: (title) => {
      say();
      say(paint('bold', `${++chapters}. ${title}`));
    },
    note: (text) => say(`  ${text}`),
    command: (line) => say(`  ${paint('cyan', `$ ${line}`)}`),
    output: (text, maxLines = 12) => {
      const lines = text.replace(/\n$/, '').split('\n');
      const cut = lines.length > maxLines;
      const head = cut ? lines.slice(0, maxLines - 3) : lines;
      for (const line of head) say(paint('dim', `    ${line}`));
      if (!cut) return;
      say(paint('dim', `    ... ${lines.length - maxLines + 1} lines more ...`));
      for (const line of lines.slice(-2)) say(paint('dim', `    ${line}`));
    },
    check: (promise, ok, detail) =>
      checkEach(promise, [{ ok, ...(detail === undefined ? {} : { detail }) }]),
    checkEach,
    result: () => ({ ...count }),
  };
}
