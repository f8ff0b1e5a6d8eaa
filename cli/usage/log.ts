import { command } from './command.ts';

/** `coatcheck log` */
export const logCommand = command({
  usage: 'log [node]',
  about: 'who decided what, about one node or about all, verified',
  options: [
    {
      name: 'copy',
      value: '<folder>',
      about: 'of a copy of the bucket, offline: no server and no key are needed',
      more: 'of a copy of the bucket, in a folder: a file for each key, or the folder of a store. It is verified by the `site.json` in `--home`; no server and no key are needed',
      example: 'log --copy /backup/bucket',
    },
  ],
  examples: ['log', 'log --copy /backup/bucket --json'],
  run: async (context, { node }, options) => {
    const { log } = await import('../commands/log.ts');
    await log(context, node, options);
  },
});
