import { command } from './command.ts';
import { DIFFERENCE } from './options.ts';

/** `coatcheck diff` */
export const diffCommand = command({
  usage: 'diff <node> [digest]',
  about: 'what a proposal would change',
  options: [...DIFFERENCE],
  run: async (context, { node, digest }, options) => {
    const { diff } = await import('../commands/diff.ts');
    await diff(context, node, digest, options);
  },
});
