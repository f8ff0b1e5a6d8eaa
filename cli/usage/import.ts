import { command } from './command.ts';

/** `coatcheck import` */
export const importCommand = command({
  usage: 'import <source> <folder>',
  about: 'make a folder for prepare of a tar, a cloud-config or an Ignition config',
  examples: ['import web1.tar.gz web1/', 'import user-data web1/', 'import web1.ign web1/'],
  run: async (context, { source, folder }) => {
    const { importFiles } = await import('../commands/import.ts');
    await importFiles(context, source, folder);
  },
});
