import { command } from './command.ts';
import { CONSENT, DIFFERENCE, UNSEEN } from './options.ts';

/** `coatcheck cosign` */
export const cosignCommand = command({
  usage: 'cosign [node...]',
  about:
    'look at what other administrators have signed, and sign it too; the digest of a statement may follow a node',
  options: [
    {
      name: 'all-waiting',
      about: 'every decision that lacks signatures, but of nodes with nothing in force yet',
      more: 'every decision that lacks signatures, one after another; a first approval is left out: its node is named by its words or its id',
      example: 'cosign --all-waiting',
    },
    ...DIFFERENCE,
    UNSEEN,
    ...CONSENT,
    {
      name: 'anyway',
      about: 'sign it although its bundle was made before what is in force now',
      more: 'sign an approval that others signed with `--anyway`',
      example: 'cosign web1 --anyway',
    },
  ],
  examples: ['cosign web1', 'cosign --all-waiting'],
  run: async (context, { node }, options) => {
    const { cosign } = await import('../commands/cosign.ts');
    await cosign(context, node, options);
  },
});
