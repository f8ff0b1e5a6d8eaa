import { fail } from '../../protocol/errors.ts';
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
    {
      name: 'auto',
      value: '<file>',
      about: 'approve what the rules of this file let through, and ask nobody',
      more: 'approve first proposals that the rules of a 0600 file let through ([docs/admin.md](admin.md#approved-by-rule)), and ask nobody: one pass, for a timer',
      excludes: [
        'where',
        'expect',
        'show-secrets',
        'full',
        'stat',
        'unseen',
        'reason',
        'despite-memory',
        'rebase',
        'anyway',
      ],
      example: 'approve --auto rules.json',
    },
    {
      name: 'dry-run',
      about: 'with --auto: say what the rules come to, and sign nothing',
      example: 'approve --auto rules.json --dry-run',
    },
  ],
  examples: [
    "approve o5uv7tidtt22pyfj --reason 'rack 7'",
    'approve web1 3bf0 --anyway --expires 30d',
    'approve --expect rack7.txt',
    'approve --auto rules.json --dry-run',
  ],
  run: async (context, { node }, { auto, dryRun, ...options }) => {
    if (auto !== undefined) {
      if (node.length > 0) throw fail('usage', '--auto takes no node: its rules name them');
      const { approveAuto } = await import('../commands/approve-auto.ts');
      return approveAuto(context, auto, {
        dryRun,
        ...(options.expires !== undefined && { expires: options.expires }),
      });
    }
    if (dryRun) throw fail('usage', '--dry-run is for --auto: diff NODE shows a change');
    const { approve } = await import('../commands/approve.ts');
    await approve(context, node, options);
  },
});
