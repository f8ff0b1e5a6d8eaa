import { command } from './command.ts';
import { CONSENT, MEANT, REASON } from './options.ts';

/** `coatcheck reconfigure` */
export const reconfigureCommand = command({
  usage: 'reconfigure [node...]',
  about: 'have nodes make a new proposal at their next boot',
  options: [...MEANT, REASON, ...CONSENT],
  run: async (context, { node }, options) => {
    const { reconfigure } = await import('../commands/decisions.ts');
    await reconfigure(context, node, options);
  },
});
