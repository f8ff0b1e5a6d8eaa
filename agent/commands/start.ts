import { start } from '../stages/start.ts';
import { agentCommand, COMMAND_LINE, TAKE_OVER } from './options.ts';

/** Throws as `start`. */
export const startCommand = agentCommand({
  usage: 'start',
  about: "from the kernel's command line to a machine that is ready",
  options: [
    COMMAND_LINE,
    {
      name: 'console',
      value: '<tty>',
      about: 'the terminal to ask at; default: where this runs, if that is one',
      example: '--console /dev/console',
    },
    {
      name: 'no-network',
      about: 'take the network as it is, as in a container',
      example: 'start --no-network',
    },
    TAKE_OVER,
  ],
  run: (invocation, _, { console: terminal, ...options }) =>
    start(invocation, { terminal, ...options }),
});
