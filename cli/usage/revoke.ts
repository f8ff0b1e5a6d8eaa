import { command } from './command.ts';
import { CONSENT, MEANT, NEEDED_REASON } from './options.ts';

/** `coatcheck revoke` */
export const revokeCommand = command({
  usage: 'revoke [node...]',
  about: 'have nodes apply nothing any more',
  options: [...MEANT, NEEDED_REASON, ...CONSENT],
  run: async (context, { node }, options) => {
    const { revoke } = await import('../commands/decisions.ts');
    await revoke(context, node, options);
  },
});
