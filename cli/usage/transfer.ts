import { command } from './command.ts';
import { CONSENT, DIFFERENCE, UNSEEN } from './options.ts';

/** `coatcheck transfer` */
export const transferCommand = command({
  usage: 'transfer <old> <new>',
  about: "give a machine's configuration to its new key, and revoke the old one",
  options: [...DIFFERENCE, UNSEEN, ...CONSENT],
  examples: [
    'transfer web1 o5uv7tidtt22pyfj',
    "transfer web1 'candy maple cake sugar pudding cream honey rich' --yes",
  ],
  run: async (context, operands, options) => {
    const { transfer } = await import('../commands/transfer.ts');
    await transfer(context, operands.old, operands.new, options);
  },
});
