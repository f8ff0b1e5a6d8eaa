import { command } from './command.ts';
import { NO_PASSPHRASE, YES } from './options.ts';

/** `coatcheck init` */
export const initCommand = command({
  usage: 'init',
  about: "make a site: its id, the first administrator's key, keyset 1",
  options: [
    {
      name: 'name',
      value: '<name>',
      about: 'of the site, for people',
      default: 'lab',
      example: '--name grid',
    },
    {
      name: 'admin-name',
      value: '<name>',
      about: 'of the first administrator; default: user@host',
      example: '--admin-name ada',
    },
    {
      name: 'approval',
      value: '<policy>',
      about: 'who decides; with none, nodes decide for themselves',
      choices: ['required', 'none'],
      default: 'required',
      example: '--approval none',
    },
    {
      name: 'ca',
      value: '<file>',
      about: 'PEM certificates: who vouches for server and store, and nobody else',
      more: 'PEM certificates that vouch for server and store over TLS, to write into `site.json`; default: whoever the system believes',
      example: '--ca lan-ca.pem',
    },
    {
      name: 'store-at',
      value: '<origin>',
      repeatable: true,
      about: "where the store answers: the server's answers lead to it and the server alone",
      more: "where the store answers, such as `https://*.s3.example`, to write into `site.json` as `stores`: a server's answer is followed there and to that server, and nowhere else",
      example: '--store-at http://store.lan:9000',
    },
    {
      name: 'request',
      value: '<file>',
      about: 'join a site of others: make a key, and this file for one of its administrators',
      more: 'join a site of others: make a key (or take the one of this folder), and write this file, which has no secret, for one of its administrators (`keys add`)',
      excludes: ['answer', 'ca', 'store-at', 'yes'],
      example: 'init --request bob.json --admin-name bob',
    },
    {
      name: 'answer',
      value: '<file>',
      about: 'the site.json that the administrator gave back',
      excludes: ['request', 'ca', 'store-at', 'admin-name', 'no-passphrase'],
      example: 'init --answer bob.site.json',
    },
    YES,
    NO_PASSPHRASE,
  ],
  examples: [
    'init --name grid --server https://cfg.example',
    'init --request bob.json --admin-name bob',
    'init --answer bob.site.json',
  ],
  run: async (context, _, { noPassphrase, request, answer, yes, ...options }) => {
    const { init, initAnswer, initRequest } = await import('../commands/init.ts');
    const joining = {
      ...{ passphrase: !noPassphrase, yes },
      ...(options.adminName !== undefined && { adminName: options.adminName }),
    };
    if (request !== undefined) await initRequest(context, request, joining);
    else if (answer !== undefined) await initAnswer(context, answer, joining);
    else await init(context, { ...options, passphrase: !noPassphrase });
  },
});
