import { command } from './command.ts';
import { CONSENT, REASON } from './options.ts';

/** `coatcheck reconfigure` */
export const reconfigureCommand = command({
  usage: 'reconfigure <node>',
  about: 'have the node make a new proposal at its next boot',
  options: [REASON, ...CONSENT],
  run: async (context, { node }, options) => {
    const { reconfigure } = await import('../commands/decisions.ts');
    await reconfigure(context, node, options);
  },
});
