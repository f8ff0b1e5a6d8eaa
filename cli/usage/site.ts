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
  about: 'how long what is approved is good for, unless --expires says: 12h, 90d, 12w, never',
  examples: ['site expires 90d'],
  run: async (context, { when }) => {
    const { siteExpires } = await import('../commands/site.ts');
    await siteExpires(context, when);
  },
});

/** `coatcheck site set-server` */
export const siteSetServerCommand = command({
  usage: 'site set-server [url]',
  about: 'write the address of the server into site.json, if it serves this site',
  options: [
    {
      name: 'from-stack',
      value: '<name>',
      about: 'take the address from a stack of CloudFormation, by the AWS CLI',
      more: 'take the address from the outputs of a stack of CloudFormation, by `aws cloudformation describe-stacks` with the credentials and the region that it finds',
      excludes: ['outputs'],
      example: 'site set-server --from-stack Coatcheck',
    },
    {
      name: 'outputs',
      value: '<file>',
      about: 'take the address from a file of cdk deploy --outputs-file',
      excludes: ['from-stack'],
      example: 'site set-server --outputs outputs.json',
    },
    {
      name: 'ca',
      value: '<file>',
      about: 'PEM certificates: who vouches for that server, in place of those of the site',
      excludes: ['no-ca'],
      example: 'site set-server https://cfg.lan --ca lan-ca.pem',
    },
    {
      name: 'no-ca',
      about: 'whoever the system believes vouches for it: take the CA of the site away',
      excludes: ['ca'],
      example: 'site set-server --from-stack Coatcheck --no-ca',
    },
  ],
  examples: ['site set-server --outputs outputs.json', 'site set-server https://cfg.example'],
  run: async (context, { url }, options) => {
    const { siteSetServer } = await import('../commands/set-server.ts');
    await siteSetServer(context, url, options);
  },
});
