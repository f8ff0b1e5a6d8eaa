import type { Option } from '../../usage/table.ts';
import { command } from './command.ts';
import { CONSENT, DIFFERENCE, EXPIRES, MEANT, REASON } from './options.ts';

const KNOWN_TPMS = {
  name: 'known-tpms',
  value: '<file>',
  about: "CAs of TPM vendors, and single TPMs' keys, in PEM: by these the nodes' TPMs are known",
  more: 'a file of PEM: certificates of the CAs of TPM vendors, with those between them and the chips, and certificates or public keys of single TPMs. A node whose TPM neither leads to is left out; of the others the decision says that the TPM is known, and by whom ([docs/trust.md](trust.md#tpms-that-the-site-knows))',
  example: "renew --where 'image!=known' --known-tpms vendors.pem",
} as const satisfies Option;

/** `coatcheck renew` */
export const renewCommand = command({
  usage: 'renew [node...]',
  about: 'give what is in force another end, and to a machine whose memory was wiped',
  options: [...MEANT, KNOWN_TPMS, ...DIFFERENCE, EXPIRES, REASON, ...CONSENT],
  examples: ['renew web1 --expires 90d'],
  run: async (context, { node }, options) => {
    const { renew } = await import('../commands/approve.ts');
    await renew(context, node, options);
  },
});
