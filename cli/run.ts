import { CoatcheckError } from '../bundle/errors.ts';
import { fail } from '../protocol/errors.ts';
import { escapeJson } from '../protocol/escape.ts';
import { fileError } from '../files/errors.ts';
import { removeUnfinished } from '../files/unfinished.ts';
import { parse } from '../usage/parse.ts';
import { doBeforeEnd, onSignal } from './interrupt.ts';
import { PROGRAM } from './program.ts';
import { reportError } from './report-error.ts';
import { mayHaveDecided, notRead, whatIsLeft } from './under-way.ts';

/** Runs one command of the process and sets its exit code. @param args without node and script */
export async function main(args: readonly string[]): Promise<void> {
  const json = args.includes('--json');
  const warnings: string[] = [];
  const end = (error: unknown): never => {
    doBeforeEnd();
    removeUnfinished();
    process.exit(reportError(error, process, { json, warnings }));
  };
  onSignal((signal) => end(fail('interrupted', `ended by ${signal}: ${whatIsLeft()}`)));
  let unwritten: unknown;
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // The reader has seen enough, as in `coatcheck list | head -1`: the exit code tells the rest.
    if (error.code === 'EPIPE') notRead();
    else if (mayHaveDecided()) unwritten ??= error;
    else end(fileError(error, 'stdout'));
  });
  try {
    const parsed = parse(PROGRAM, args, process.env);
    if ('text' in parsed) process.stdout.write(`${parsed.text}\n`);
    else if ('unfinished' in parsed) {
      // Where a document is wanted the help is none.
      if (!json) process.stderr.write(`${parsed.help}\n`);
      throw parsed.unfinished;
    } else {
      // Not for a help or a completion: what folds lines takes a while to load.
      const { contextOf } = await import('./context-of.ts');
      await parsed.run(contextOf(parsed.common, process, warnings));
    }
    // A write that failed is told of later.
    await new Promise((resolve) => setImmediate(resolve));
    if (unwritten !== undefined) throw afterDecision(unwritten);
    if (json && warnings.length > 0) process.stderr.write(escapeJson({ warnings }));
  } catch (error) {
    const fold = process.stderr.isTTY ? (await import('./fold.ts')).fold : undefined;
    process.exitCode = reportError(error, process, { json, warnings, fold });
  }
}

/** The result could not be written: what was decided stands. */
function afterDecision(unwritten: unknown): unknown {
  const error = fileError(unwritten, 'stdout');
  if (!(error instanceof CoatcheckError)) return error;
  return fail(error.code as 'disk_full', `${whatIsLeft()}; then: ${error.message}`, {
    cause: error,
    details: error.details,
  });
}
