import { command } from './command.ts';
import { NO_PASSPHRASE } from './options.ts';

/** `coatcheck key passphrase` */
export const keyPassphraseCommand = command({
  usage: 'key passphrase',
  about: 'give the admin key another passphrase; the key stays the same',
  options: [
    {
      name: 'new-passphrase-file',
      value: '<file>',
      about: 'read the new passphrase from a 0600 file, instead of asking',
      excludes: ['no-passphrase'],
      example: 'key passphrase --new-passphrase-file new',
    },
    NO_PASSPHRASE,
  ],
  examples: ['key passphrase'],
  run: async (context, _, options) => {
    const { keyPassphrase } = await import('../commands/key.ts');
    await keyPassphrase(context, options);
  },
});
