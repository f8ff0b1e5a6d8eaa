import { STORE_OPTIONS } from '../../functions/stores/options.ts';
import { command } from './command.ts';

const [STORE, ENDPOINT, , REGION, DUAL_STACK, CREDENTIALS] = STORE_OPTIONS;

/** `coatcheck mirror` */
export const mirrorCommand = command({
  usage: 'mirror <folder>',
  about: 'copy what is approved to a folder, for a web server or a stick',
  options: [
    STORE,
    ENDPOINT,
    REGION,
    DUAL_STACK,
    CREDENTIALS,
    {
      name: 'prune',
      about: 'take away machines that the store has no more',
      more: 'take away machines that the store has no more. A server never deletes anything of `approved/`: without this they stay, and are named',
      example: 'mirror /srv/mirror --prune',
    },
  ],
  examples: ['mirror /srv/mirror', 'mirror /srv/mirror --store s3://config --credentials s3.json'],
  run: async (context, { folder }, options) => {
    const { mirror } = await import('../commands/mirror.ts');
    await mirror(context, folder, options);
  },
});
