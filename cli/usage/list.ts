import { command } from './command.ts';

/** `coatcheck list` */
export const listCommand = command({
  usage: 'list',
  about: 'the nodes, and what is in force for each',
  run: async (context) => {
    const { list } = await import('../commands/list.ts');
    await list(context);
  },
});
