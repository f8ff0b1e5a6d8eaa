import { command } from './command.ts';

/** `coatcheck bundle inspect` */
export const bundleInspectCommand = command({
  usage: 'bundle inspect <file>',
  about: 'what anybody can see of a sealed file, offline',
  run: async (context, { file }) => {
    const { inspect } = await import('../commands/bundle.ts');
    await inspect(context, file);
  },
});

/** `coatcheck bundle verify` */
export const bundleVerifyCommand = command({
  usage: 'bundle verify <file>',
  about: 'its signatures, against the site in --home',
  run: async (context, { file }) => {
    const { verify } = await import('../commands/bundle.ts');
    await verify(context, file);
  },
});

/** `coatcheck bundle export` */
export const bundleExportCommand = command({
  usage: 'bundle export <file> <folder>',
  about: 'write its files into a new or empty folder',
  run: async (context, { file, folder }) => {
    const { exportFiles } = await import('../commands/bundle-export.ts');
    await exportFiles(context, file, folder);
  },
});
