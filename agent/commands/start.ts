import { start } from '../stages/start.ts';
import { COMMAND_LINE, commandLineIn, isGiven, TAKE_OVER, takeOverIn, text } from './options.ts';
import type { AgentCommand } from './options.ts';

/** Throws as `start`. */
export const startCommand: AgentCommand = {
  usage: 'start',
  about: "from the kernel's command line to a machine that is ready",
  options: [
    COMMAND_LINE,
    {
      name: 'console',
      value: '<tty>',
      about: 'to ask at; default: where this runs, if that is a terminal',
    },
    { name: 'no-network', about: 'take the network as it is' },
    TAKE_OVER,
  ],
  run: (invocation, given) =>
    start(invocation, {
      commandLine: commandLineIn(given),
      terminal: text(given, 'console'),
      noNetwork: isGiven(given, 'no-network'),
      ...takeOverIn(given),
    }),
};
