import { command } from './command.ts';
import { CONSENT, DIFFERENCE, EXPIRES, MEANT, REASON } from './options.ts';

/** `coatcheck renew` */
export const renewCommand = command({
  usage: 'renew [node...]',
  about: 'give what is in force another end, and to a machine whose memory was wiped',
  options: [...MEANT, ...DIFFERENCE, EXPIRES, REASON, ...CONSENT],
  examples: ['renew web1 --expires 90d'],
  run: async (context, { node }, options) => {
    const { renew } = await import('../commands/approve.ts');
    await renew(context, node, options);
  },
});
