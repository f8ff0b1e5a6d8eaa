import { PROGRAM } from '../../../agent/program.ts';
import { argumentTarget } from '../engine/arguments.ts';

/** The command line of `coatcheck-agent`. */
export const target = argumentTarget(PROGRAM, [
  'boot --once --wait 30 --no-propose --token-file t',
  '--root /mnt --json status',
  'key make file k',
  'id --public',
  'apply f -- x',
  'propose --after ab --add a --add b,c',
  '--help',
]);
