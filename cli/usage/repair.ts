import { command } from './command.ts';

/** `coatcheck repair` */
export const repairCommand = command({
  usage: 'repair [node]',
  about: 'do again what a decision left undone',
  run: async (context, { node }) => {
    const { repair } = await import('../commands/repair.ts');
    await repair(context, node);
  },
});
