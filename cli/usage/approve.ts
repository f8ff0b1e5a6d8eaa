import { command } from './command.ts';
import { CONSENT, DIFFERENCE, EXPIRES, MEANT, REASON, UNSEEN } from './options.ts';

/** `coatcheck approve` */
export const approveCommand = command({
  usage: 'approve [node...]',
  about: 'look at what nodes propose and put it in force; a digest may follow a node',
  options: [
    ...MEANT,
    ...DIFFERENCE,
    UNSEEN,
    REASON,
    ...CONSENT,
    EXPIRES,
    {
      name: 'rebase',
      about: 'apply its changes to what is in force now',
      more: 'for a proposal that was made before what is in force: apply its changes to that, file by file and setting by setting',
      excludes: ['anyway'],
      example: 'approve web1 --rebase',
    },
    {
      name: 'anyway',
      about: 'approve it although it was made before what is in force now',
      more: 'approve such a proposal as it is, or again the bundle of an older decision',
      example: 'approve web1 --anyway',
    },
  ],
  examples: [
    "approve o5uv7tidtt22pyfj --reason 'rack 7'",
    'approve web1 3bf0 --anyway --expires 30d',
    'approve --expect rack7.txt',
  ],
  run: async (context, { node }, options) => {
    const { approve } = await import('../commands/approve.ts');
    await approve(context, node, options);
  },
});
