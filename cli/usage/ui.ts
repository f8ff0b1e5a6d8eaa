import { command } from './command.ts';

/** `coatcheck ui` */
export const uiCommand = command({
  usage: 'ui',
  about: 'the page: what waits, every node, reviews and decisions, in a browser',
  options: [
    {
      name: 'port',
      value: '<number>',
      about: 'to listen on, on loopback; 0 for a free one',
      default: '0',
      example: 'ui --port 8421',
    },
    {
      name: 'no-open',
      about: 'open no browser, but say the address and a code',
      more: 'open no browser, but say the address and a code, for a browser elsewhere (`ssh -L`)',
      example: 'ui --no-open',
    },
    {
      name: 'capability',
      value: '<file>',
      about: 'a view that only shows, by a file of keys monitor: for a wall screen',
      more: 'a view that only shows states, by a file of `keys monitor`, without a key or a folder of an administrator: for a screen on a wall. It opens no browser and wants no code: whoever reaches it sees it ([docs/admin.md](admin.md#a-screen-on-a-wall))',
      excludes: ['no-open'],
      example: 'ui --capability wall.json --port 8421',
    },
    {
      name: 'host',
      value: '<name>',
      about: 'with --capability: the name or address to listen on; default: 127.0.0.1',
      more: 'with `--capability`: the name or address to listen on, and by which browsers ask for it: any other is refused. Default: `127.0.0.1`',
      example: 'ui --capability wall.json --host wall.example --port 8421',
    },
  ],
  examples: ['ui', 'ui --capability wall.json --host wall.example --port 8421'],
  run: async (context, _, options) => {
    const { ui } = await import('../commands/ui.ts');
    await ui(context, options);
  },
});
