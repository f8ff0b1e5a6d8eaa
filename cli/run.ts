import { CommanderError } from 'commander';
import { EXIT, fail } from '../protocol/errors.ts';
import { fileError } from './files.ts';
import { cleanUp, onSignal } from './interrupt.ts';
import { createProgram } from './program.ts';
import { reportError } from './terminal.ts';

/** Runs one command of the process and sets its exit code. @param args without node and script */
export async function main(args: readonly string[]): Promise<void> {
  const json = args.includes('--json');
  const end = (error: unknown): never => {
    cleanUp();
    process.exit(reportError(error, process, { json }));
  };
  onSignal((signal) => end(fail('interrupted', `ended by ${signal}: nothing is half-written`)));
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // The reader has seen enough: `coatcheck list | head -1`.
    if (error.code === 'EPIPE') process.exit(EXIT.ok);
    end(fileError(error, 'the result on stdout'));
  });
  try {
    await createProgram(process).parseAsync(args, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return;
    process.exitCode = reportError(usageOf(error), process, { json });
  }
}

/** What commander says of wrong arguments, as an error of ours. */
function usageOf(error: unknown): unknown {
  if (!(error instanceof CommanderError)) return error;
  if (error.code === 'commander.help') return fail('usage', 'name a command: see coatcheck --help');
  return fail(
    'usage',
    `${error.message.replace(/^error: /, '').replaceAll('\n', ' ')}; see --help`,
  );
}
