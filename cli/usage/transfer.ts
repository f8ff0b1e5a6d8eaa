import { fail } from '../../protocol/errors.ts';
import { command } from './command.ts';
import { CONSENT, DIFFERENCE, EXPECT, UNSEEN } from './options.ts';

/** `coatcheck transfer` */
export const transferCommand = command({
  usage: 'transfer [old] [new]',
  about: "give a machine's configuration to its new key, and revoke the old one",
  options: [
    {
      name: 'successors',
      about: 'each machine whose old key signed that it has a new one: after image keys --rotate',
      more: 'instead of `<old> <new>`: every machine whose old key signed that it has a new one since the site has another PCR key',
      excludes: ['show-secrets', 'full', 'stat', 'unseen'],
      example: 'transfer --successors',
    },
    EXPECT,
    ...DIFFERENCE,
    UNSEEN,
    ...CONSENT,
  ],
  examples: [
    'transfer web1 o5uv7tidtt22pyfj',
    "transfer web1 'candy maple cake sugar pudding cream honey rich' --yes",
    'transfer --successors',
  ],
  run: async (context, operands, options) => {
    const { old, new: fresh } = operands;
    if (options.successors) {
      if (old !== undefined) throw fail('usage', '--successors finds the machines: name none');
      const { transferSuccessors } = await import('../commands/transfer-successors.ts');
      return transferSuccessors(context, options);
    }
    if (old === undefined || fresh === undefined) {
      throw fail('usage', 'transfer OLD NEW: the machine by its old key, and by its new one');
    }
    if (options.expect !== undefined) throw fail('usage', '--expect goes with --successors');
    const { transfer } = await import('../commands/transfer.ts');
    await transfer(context, old, fresh, options);
  },
});
