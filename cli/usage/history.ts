import { command } from './command.ts';

/** `coatcheck history` */
export const historyCommand = command({
  usage: 'history <node>',
  about: 'every decision about a node, verified',
  run: async (context, { node }) => {
    const { history } = await import('../commands/history.ts');
    await history(context, node);
  },
});
