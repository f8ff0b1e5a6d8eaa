import { command } from './command.ts';
import { CONSENT, MEANT, REASON } from './options.ts';

/** `coatcheck image revoke` */
export const imageRevokeCommand = command({
  usage: 'image revoke [node...]',
  about: 'show which images machines run; with --below, revoke older ones on them, for ever',
  options: [
    {
      name: 'new',
      about: 'sign images with the next generation from now on; nothing is revoked',
      example: 'image revoke --new',
      excludes: ['below'],
    },
    {
      name: 'below',
      value: '<generation>',
      about: 'revoke images of earlier generations on these machines, for ever',
      more: 'revoke images of earlier generations on these machines, for ever. One whose last report does not show an image of this generation, or a later one, is left out',
      example: 'image revoke --below 2 --all',
    },
    {
      name: 'all',
      about: 'on every machine that runs such an image',
      example: 'image revoke --below 2 --all',
      excludes: ['where'],
    },
    ...MEANT,
    REASON,
    ...CONSENT,
  ],
  examples: ['image revoke', 'image revoke --new', 'image revoke --below 2 web1 web2'],
  run: async (context, { node }, options) => {
    const { imageRevoke } = await import('../commands/image-revoke.ts');
    await imageRevoke(context, node, options);
  },
});
