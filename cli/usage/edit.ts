import { command } from './command.ts';
import { ATTRIBUTES, CONSENT, DIFFERENCE, EXPIRES, MEANT, REASON, UNSEEN } from './options.ts';

/** `coatcheck edit` */
export const editCommand = command({
  usage: 'edit [node...] <path>',
  about: 'change a file that is in force for nodes, in $VISUAL or $EDITOR',
  options: [
    ...MEANT,
    ...ATTRIBUTES,
    {
      name: 'like',
      value: '<node>',
      about: 'no editor: the file as it is in force for this node',
      more: 'no editor is opened: the nodes get the file that is in force for this one. So an edit that was interrupted goes on',
      example: 'edit gx002 gx003 etc/chrony.conf --like gx001',
    },
    ...DIFFERENCE,
    UNSEEN,
    REASON,
    EXPIRES,
    ...CONSENT,
  ],
  examples: ['edit web1 etc/chrony.conf', "edit --where 'name~gx*' etc/chrony.conf"],
  run: async (context, { node, path }, options) => {
    const { edit } = await import('../commands/change.ts');
    await edit(context, node, path, options);
  },
});
