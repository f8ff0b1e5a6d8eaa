import { FILTER_FIELDS, IMAGES } from '../../admin/filter-fields.ts';
import { STATES } from '../../admin/views/states.ts';
import { command } from './command.ts';
import { NOTIFY } from './options.ts';

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
      name: 'columns',
      value: '<names>',
      about: 'what the table has: node,words,name,state,since,in-force,expires,image,machine',
      more: 'what the table has, with commas between: `node`, `words`, `name`, `state`, `since`, `in-force`, `expires`, `image`, `machine`. What does not fit into the width of the terminal stands below its row. A document (`--json`) has all of it',
      example: 'status --columns name,state,expires',
    },
    {
      name: 'watch',
      about: 'look again as soon as something else waits, and show what changed',
      more: 'look again as soon as the server says that something else waits, and every 20 seconds for all else (every 5 where a server cannot say), and show how all stands on the whole terminal, until Ctrl-C. With `--json`: a line each time something changed, `{"nodes": [...], "gone": [...]}`, with all nodes in the first, later those that changed, and the ids of those that are not among them any more; a look that failed is `{"error": ...}`, and doubts are `{"warnings": [...]}`',
      excludes: ['exit-code'],
      example: 'status --watch state!=in-force',
    },
    {
      name: 'exit-code',
      about: 'exit 9 if something is wrong, else 8 if something waits',
      more: 'exit 9 if something is wrong with one of the nodes that are shown (`unreadable`, `unpublished`, `unapproved`, `failed`, `expired`, `drifted`), else 8 if something waits',
      example: 'status --exit-code',
    },
    {
      name: 'capability',
      value: '<file>',
      about: 'by a file of keys monitor: states only, without the key of an administrator',
      more: 'by a file of `keys monitor`, without a key or a folder of an administrator: states, times and types of decisions of all nodes, by the server’s word. Names, reports and failures are sealed',
      excludes: ['where', 'columns', 'watch'],
      example: 'status --capability monitor.json --exit-code',
    },
    ...NOTIFY,
  ],
  examples: ['status', "status 'gx*' state=failed,behind", "status 'state=waiting age>1h'"],
  notes: { 'Fields of a filter': FILTER_FIELDS, States: STATES, 'Of image': IMAGES },
  run: async (context, { filter }, options) => {
    const { status } = await import('../commands/status.ts');
    await status(context, filter, options);
  },
});
