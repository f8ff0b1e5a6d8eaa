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
  ],
  examples: ['ui'],
  run: async (context, _, options) => {
    const { ui } = await import('../commands/ui.ts');
    await ui(context, options);
  },
});
