import { command } from './command.ts';
import { CONSENT, DIFFERENCE, EXPIRES, MEANT, REASON } from './options.ts';

/** `coatcheck rm` */
export const rmCommand = command({
  usage: 'rm <path> [node...]',
  about: 'take a file out of what is in force for nodes',
  options: [...MEANT, ...DIFFERENCE, REASON, EXPIRES, ...CONSENT],
  examples: ['rm etc/cron.d/old web1 web2'],
  run: async (context, { path, node }, options) => {
    const { rm } = await import('../commands/change.ts');
    await rm(context, path, node, options);
  },
});
