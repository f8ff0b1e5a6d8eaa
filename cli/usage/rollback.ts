import { command } from './command.ts';
import { CONSENT, DIFFERENCE, EXPIRES, REASON, UNSEEN } from './options.ts';

/** `coatcheck rollback` */
export const rollbackCommand = command({
  usage: 'rollback <node> <slot>',
  about: 'put in force again what a slot of the history did',
  options: [...DIFFERENCE, UNSEEN, REASON, EXPIRES, ...CONSENT],
  run: async (context, { node, slot }, options) => {
    const { rollback } = await import('../commands/decisions.ts');
    await rollback(context, node, slot, options);
  },
});
