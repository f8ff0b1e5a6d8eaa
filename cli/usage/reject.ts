import { command } from './command.ts';
import { CONSENT, NEEDED_REASON } from './options.ts';

/** `coatcheck reject` */
export const rejectCommand = command({
  usage: 'reject <node> <digest>',
  about: 'refuse a proposal',
  options: [NEEDED_REASON, ...CONSENT],
  examples: ["reject b5p2 3bf0 --reason 'the wrong rack'"],
  run: async (context, { node, digest }, options) => {
    const { reject } = await import('../commands/decisions.ts');
    await reject(context, node, digest, options);
  },
});
