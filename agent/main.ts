#!/usr/bin/env node
import { CommanderError } from 'commander';
import { EXIT, fail } from '../protocol/errors.ts';
import { sayError } from './console/console.ts';
import { createProgram } from './program.ts';
import { systemError } from './tree/system-error.ts';

const args = process.argv.slice(2);
const json = args.includes('--json');

// Everything that the agent writes is whole or not there, so it can end anywhere.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    process.exit(sayError(fail('interrupted', `ended by ${signal}`), { json }));
  });
}
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // Whoever reads our output has seen enough: `coatcheck-agent capture | head`.
  const seen = error.code === 'EPIPE';
  process.exit(seen ? EXIT.ok : sayError(systemError(error, 'the result on stdout'), { json }));
});

try {
  await createProgram().parseAsync(args, { from: 'user' });
} catch (error) {
  process.exitCode = endOf(error);
}

function endOf(error: unknown): number {
  if (!(error instanceof CommanderError)) return sayError(error, { json });
  if (error.exitCode === 0) return EXIT.ok;
  const said = error.message.replace(/^error: /, '').replaceAll('\n', ' ');
  const why = error.code === 'commander.help' ? 'no command was given' : said;
  return sayError(fail('usage', `${why}; see coatcheck-agent --help`), { json });
}
