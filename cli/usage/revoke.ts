import { command } from './command.ts';
import { CONSENT, NEEDED_REASON } from './options.ts';

/** `coatcheck revoke` */
export const revokeCommand = command({
  usage: 'revoke <node>',
  about: 'have the node apply nothing any more',
  options: [NEEDED_REASON, ...CONSENT],
  run: async (context, { node }, options) => {
    const { revoke } = await import('../commands/decisions.ts');
    await revoke(context, node, options);
  },
});
