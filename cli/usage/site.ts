import { command } from './command.ts';

/** `coatcheck site paths` */
export const sitePathsCommand = command({
  usage: 'site paths',
  about: 'what this site adds to the list of paths that a bundle may hold',
  run: async (context) => {
    const { sitePaths } = await import('../commands/site.ts');
    await sitePaths(context);
  },
});

/** `coatcheck site add-path` */
export const siteAddPathCommand = command({
  usage: 'site add-path <pattern...>',
  about: 'add patterns to the paths of this site, in site.json',
  options: [
    {
      name: 'secret',
      about: 'keys or passwords are in these files',
      example: "site add-path --secret 'etc/vdsm/keys/*'",
    },
  ],
  examples: ["site add-path 'etc/vdsm/**'"],
  run: async (context, { pattern }, options) => {
    const { siteAddPath } = await import('../commands/site.ts');
    await siteAddPath(context, pattern, options);
  },
});

/** `coatcheck site expires` */
export const siteExpiresCommand = command({
  usage: 'site expires [when]',
  about: 'how long what is approved is good for, unless --expires says: 90d, 12w, never',
  examples: ['site expires 90d'],
  run: async (context, { when }) => {
    const { siteExpires } = await import('../commands/site.ts');
    await siteExpires(context, when);
  },
});
