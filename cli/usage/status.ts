import { command } from './command.ts';

/** `coatcheck status` */
export const statusCommand = command({
  usage: 'status [filter...]',
  about: 'every node, and how it stands',
  options: [
    {
      name: 'where',
      value: '<filter>',
      about: 'only nodes that this holds of: state=waiting age>1h',
      more: 'only nodes that this holds of ([Which nodes](#which-nodes))',
      example: "status --where 'state=waiting age>1h'",
    },
    {
      name: 'sort',
      value: '<field>',
      about: 'by node, name, state (what wants somebody first) or since',
      choices: ['node', 'name', 'state', 'since'],
      default: 'state',
      example: 'status --sort name',
    },
    {
      name: 'exit-code',
      about: 'exit 9 if something is wrong, else 8 if something waits',
      more: 'exit 9 if something is wrong with one of the nodes that are shown (`unreadable`, `unpublished`, `unapproved`, `failed`, `expired`, `drifted`), else 8 if something waits',
      example: 'status --exit-code',
    },
  ],
  examples: ['status', 'status gx* state=failed,behind'],
  run: async (context, { filter }, options) => {
    const { status } = await import('../commands/status.ts');
    await status(context, filter, options);
  },
});
