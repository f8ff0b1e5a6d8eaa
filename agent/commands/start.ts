import { start } from '../stages/start.ts';
import { consolesIn, screensAt } from '../console/screen.ts';
import { speakOn } from '../console/console.ts';
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
      about: 'the terminal to speak and ask at; default: where this runs, if that is one',
      more: 'the terminal to speak and ask at; of `/dev/console`, what is said goes to every console of the kernel; default: where this runs, if that is one',
      example: '--console /dev/console',
    },
    {
      name: 'no-network',
      about: 'take the network as it is, as in a container',
      example: 'start --no-network',
    },
    TAKE_OVER,
  ],
  run(invocation, _, { console: terminal, ...options }) {
    if (terminal !== undefined) {
      const screens = screensAt(terminal);
      speakOn(screens);
      if (screens.length > 1) {
        const names = consolesIn().join(' ');
        invocation.console.note(`questions are asked at the last of the consoles ${names}`);
      }
    }
    return start(invocation, { terminal, ...options });
  },
});
