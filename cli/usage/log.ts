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
    {
      name: 'html',
      value: '<file>',
      about: 'into a page that verifies it in a browser, offline',
      more: 'into a new file: a page that an auditor opens from a disk, offline, and which verifies every keyset, decision and signature itself, by the digest of a keyset that is entered there. No contents are in it ([docs/admin.md](admin.md#who-decided-what))',
      example: 'log --html grid-2026.html',
    },
  ],
  examples: ['log', 'log --copy /backup/bucket --json'],
  run: async (context, { node }, options) => {
    const { log } = await import('../commands/log.ts');
    await log(context, node, options);
  },
});
