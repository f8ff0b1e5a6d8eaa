#!/usr/bin/env node
import { EXIT, fail } from '../protocol/errors.ts';
import { sayError, sayWarnings } from './console/console.ts';
import type { Speech } from './console/console.ts';
import { invocationOf } from './commands/common-options.ts';
import { PROGRAM } from './program.ts';
import { treeError } from '../files/errors.ts';
import { parse } from '../usage/parse.ts';

const args = process.argv.slice(2);
const speech: Speech = { json: args.includes('--json'), warnings: [] };

// What it and the programs of the image write is read by programs that are not root: a profile of the
// network, resolv.conf. A secret is made with a mode of its own.
process.umask(0o022);

// Everything that the agent writes is whole or not there, so it can end anywhere.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    process.exit(sayError(fail('interrupted', `ended by ${signal}`), speech));
  });
}
// Whoever reads the notes may go, as a terminal that hangs up: a boot goes on without them.
process.stderr.on('error', () => undefined);
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // Whoever reads our output has seen enough: `coatcheck-agent capture | head`.
  const seen = error.code === 'EPIPE';
  process.exit(seen ? EXIT.ok : sayError(treeError(error, 'stdout'), speech));
});

try {
  const parsed = parse(PROGRAM, args);
  if ('text' in parsed) process.stdout.write(`${parsed.text}\n`);
  else if ('unfinished' in parsed) throw parsed.unfinished;
  else await parsed.run(invocationOf(parsed.common, speech));
  sayWarnings(speech);
} catch (error) {
  process.exitCode = sayError(error, speech);
}
