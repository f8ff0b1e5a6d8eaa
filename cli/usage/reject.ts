import { command } from './command.ts';
import { CONSENT, MEANT, NEEDED_REASON } from './options.ts';

/** `coatcheck reject` */
export const rejectCommand = command({
  usage: 'reject [node...]',
  about: 'refuse what nodes propose; a digest may follow a node',
  options: [...MEANT, NEEDED_REASON, ...CONSENT],
  examples: ["reject web1 3bf0 --reason 'the wrong rack'"],
  run: async (context, { node }, options) => {
    const { reject } = await import('../commands/decisions.ts');
    await reject(context, node, options);
  },
});
