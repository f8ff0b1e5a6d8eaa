import { command } from './command.ts';
import { CONSENT, DIFFERENCE, EXPIRES, REASON, UNSEEN } from './options.ts';

/** `coatcheck prepare` */
export const prepareCommand = command({
  usage: 'prepare <file> <folder>',
  about: 'configure a machine before its first boot: its public keys, and a folder of its files',
  options: [
    {
      name: 'words',
      value: '<words>',
      about: 'the eight words of the machine; asked for without it',
      more: 'the eight words that `coatcheck-agent id` says on the machine; asked for without it, and needed beside `--yes`: whoever carried the file of its keys could have exchanged it',
      example:
        "prepare web1.keys web1/ --words 'candy maple cake sugar pudding cream honey rich' --yes",
    },
    {
      name: 'set',
      value: '<setting>',
      repeatable: true,
      about: 'a setting, as coatcheck set takes it',
      more: 'a setting, as `coatcheck set` takes it',
      example: 'prepare web1.keys web1/ --set hostname=web1',
    },
    ...DIFFERENCE,
    UNSEEN,
    REASON,
    EXPIRES,
    ...CONSENT,
  ],
  examples: ['prepare web1.keys web1/ --set hostname=web1'],
  run: async (context, { file, folder }, options) => {
    const { prepare } = await import('../commands/prepare.ts');
    await prepare(context, file, folder, options);
  },
});
