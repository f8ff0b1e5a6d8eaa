import { command } from './command.ts';
import { ATTRIBUTES, CONSENT, DIFFERENCE, EXPIRES, MEANT, REASON, UNSEEN } from './options.ts';

/** `coatcheck put` */
export const putCommand = command({
  usage: 'put <file> [node...]',
  about: 'put a file from here into what is in force for nodes',
  options: [
    {
      name: 'to',
      value: '<path>',
      required: true,
      about: 'where it is on the node',
      example: 'put chrony.conf web1 --to etc/chrony.conf',
    },
    ...MEANT,
    ...ATTRIBUTES,
    ...DIFFERENCE,
    UNSEEN,
    REASON,
    EXPIRES,
    ...CONSENT,
  ],
  examples: [
    'put chrony.conf web1 web2 --to etc/chrony.conf',
    "put motd --where 'name~gx*' --to etc/motd",
  ],
  run: async (context, { file, node }, options) => {
    const { put } = await import('../commands/change.ts');
    await put(context, file, node, options);
  },
});
