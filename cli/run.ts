import { EXIT, fail } from '../protocol/errors.ts';
import { fileError } from '../files/errors.ts';
import { removeUnfinished } from '../files/unfinished.ts';
import { parse } from '../usage/parse.ts';
import { onSignal } from './interrupt.ts';
import { contextOf, PROGRAM } from './program.ts';
import { reportError } from './terminal.ts';

/** Runs one command of the process and sets its exit code. @param args without node and script */
export async function main(args: readonly string[]): Promise<void> {
  const json = args.includes('--json');
  const end = (error: unknown): never => {
    removeUnfinished();
    process.exit(reportError(error, process, { json }));
  };
  onSignal((signal) => end(fail('interrupted', `ended by ${signal}: nothing is half-written`)));
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // The reader has seen enough: `coatcheck list | head -1`.
    if (error.code === 'EPIPE') process.exit(EXIT.ok);
    end(fileError(error, 'stdout'));
  });
  try {
    const parsed = parse(PROGRAM, args, process.env);
    if ('text' in parsed) process.stdout.write(`${parsed.text}\n`);
    else if ('unfinished' in parsed) {
      // Where a document is wanted the help is none.
      if (!json) process.stderr.write(`${parsed.help}\n`);
      throw parsed.unfinished;
    } else await parsed.run(contextOf(parsed.common, process));
  } catch (error) {
    process.exitCode = reportError(error, process, { json });
  }
}
