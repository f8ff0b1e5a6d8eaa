import { command } from './command.ts';

/** `coatcheck unlock` */
export const unlockCommand = command({
  usage: 'unlock',
  about: 'open the admin key once, for the commands of some hours',
  options: [
    {
      name: 'for',
      value: '<time>',
      about: 'how long: 30m, 8h; 24h at most',
      default: '1h',
      example: 'unlock --for 8h',
    },
    {
      name: 'here',
      about: 'stay in this terminal, and ask here about revocations and administrators',
      more: 'stay in this terminal: what is signed is shown here, and a revocation (of a transfer, too) or another keyset is asked about here. Without it, the command that wants such a thing asks for the passphrase again',
      excludes: ['status'],
      example: 'unlock --here',
    },
    {
      name: 'status',
      about: 'say whether the key is unlocked, and until when',
      example: 'unlock --status',
    },
  ],
  examples: ['unlock --for 8h', 'unlock --status'],
  run: async (context, _, options) => {
    const { unlockKey, unlockStatus } = await import('../commands/unlock.ts');
    if (options.status) await unlockStatus(context);
    else await unlockKey(context, options);
  },
});

/** `coatcheck lock` */
export const lockCommand = command({
  usage: 'lock',
  about: 'have a key that was unlocked forgotten',
  run: async (context) => {
    const { lockKey } = await import('../commands/unlock.ts');
    await lockKey(context);
  },
});
