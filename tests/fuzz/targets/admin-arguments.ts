import { PROGRAM } from '../../../cli/program.ts';
import { argumentTarget } from '../engine/arguments.ts';

/** The command line of `coatcheck`. */
export const target = argumentTarget(PROGRAM, [
  'approve zs7k --yes --reason because --expires 30d',
  'approve zs7k ab --rebase --anyway',
  'reject zs7k ab --reason x --json',
  'bundle export a b --home h',
  'serve --port 0 --store s3://b --host=::1',
  'diff a b --stat --show-secrets',
  '--version',
  'help approve',
  'init --no-passphrase --name= --approval none',
  'rollback a -1 -- --yes',
]);
