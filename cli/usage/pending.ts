import { command } from './command.ts';

/** `coatcheck pending` */
export const pendingCommand = command({
  usage: 'pending',
  about: 'what waits for a decision',
  run: async (context) => {
    const { pending } = await import('../commands/pending.ts');
    await pending(context);
  },
});
