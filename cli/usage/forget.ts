import { command } from './command.ts';
import { MEANT, YES } from './options.ts';

/** `coatcheck forget` */
export const forgetCommand = command({
  usage: 'forget [node...]',
  about: 'take away all that the store has of revoked nodes, but the decisions',
  options: [...MEANT, YES],
  examples: ['forget web1', 'forget --expect retired.txt'],
  run: async (context, { node }, options) => {
    const { forget } = await import('../commands/forget.ts');
    await forget(context, node, options);
  },
});
