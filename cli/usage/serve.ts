import { command } from './command.ts';
import { NOTIFY, STORE } from './options.ts';

/** `coatcheck serve` */
export const serveCommand = command({
  usage: 'serve',
  about: 'run the server on this machine',
  options: [
    ...STORE,
    {
      name: 'host',
      value: '<address>',
      about: 'to listen on',
      default: '127.0.0.1',
      example: '--host 10.0.0.2',
    },
    {
      name: 'port',
      value: '<number>',
      about: 'to listen on; 0 for a free one',
      default: '8420',
      example: '--port 0',
    },
    {
      name: 'public-url',
      value: '<url>',
      about: 'how nodes reach this server; default: where it listens',
      more: 'how nodes reach this server, with its path, where a proxy stands before it; default: where it listens. A request that is signed for another address is refused then; the first is what the URLs of a folder begin with',
      example: '--public-url https://cfg.example',
      repeatable: true,
    },
    {
      name: 'token-file',
      value: '<file>',
      about: 'enrolment token that new nodes must send, a 0600 file',
      more: 'a 0600 file with the enrolment token that nodes without a decision must send',
      example: '--token-file enrol.token',
    },
    {
      name: 'tls-cert',
      value: '<file>',
      about: 'PEM: speak TLS alone, with this certificate',
      more: 'PEM: speak TLS alone, with this certificate and those between it and a root; SIGHUP has both files read again ([self-hosting.md](self-hosting.md#tls))',
      example: '--tls-cert fullchain.pem',
    },
    {
      name: 'tls-key',
      value: '<file>',
      about: 'its key, a 0600 file',
      more: 'PEM: the key of `--tls-cert`, a 0600 file without a passphrase',
      example: '--tls-key privkey.pem',
    },
    {
      name: 'metrics',
      value: '<port>',
      about: 'answer Prometheus there: PORT of 127.0.0.1, or HOST:PORT',
      more: 'answer `GET /metrics` for Prometheus there, a port of 127.0.0.1 or `HOST:PORT`: whoever reaches it may ask ([self-hosting.md](self-hosting.md#metrics))',
      example: '--metrics 9420',
    },
    {
      name: 'log',
      value: '<form>',
      about: 'of the log on stderr: text or json',
      more: 'of the log on stderr: `text`, or `json` for one object a line ([self-hosting.md](self-hosting.md#log))',
      default: 'text',
      example: '--log json',
    },
    ...NOTIFY,
  ],
  examples: ['serve --host 10.0.0.2', 'serve --store s3://config --credentials s3.json'],
  run: async (context, _, options) => {
    const { serve } = await import('../commands/serve.ts');
    await serve(context, options);
  },
});
