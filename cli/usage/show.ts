import { command } from './command.ts';

/** `coatcheck show` */
export const showCommand = command({
  usage: 'show <node|digest>',
  about: 'what is in a bundle, who decided, the last report',
  run: async (context, operands) => {
    const { show } = await import('../commands/show.ts');
    await show(context, operands['node|digest']);
  },
});
