import { command } from './command.ts';
import { CONSENT, EXPIRES } from './options.ts';

const BEGUN = {
  name: 'to',
  value: '<file>',
  about: 'where the keyset goes if others have to sign it; default: keyset-N.json',
  more: 'where the keyset goes if others have to sign it, for `keys sign`; default: `keyset-N.json` here',
  example: '--to keyset-3.json',
} as const;

/** `coatcheck keys list` */
export const keysListCommand = command({
  usage: 'keys list',
  about: 'the administrators, since when, and what is not sealed to them yet',
  run: async (context) => {
    const { keysList } = await import('../commands/keys.ts');
    await keysList(context);
  },
});

/** `coatcheck keys add` */
export const keysAddCommand = command({
  usage: 'keys add <request>',
  about: 'make who sent a request file an administrator',
  options: [
    {
      name: 'answer-to',
      value: '<file>',
      about: 'where the site.json for them goes; default: beside the request',
      example: '--answer-to bob.site.json',
    },
    {
      name: 'may',
      value: '<what>',
      choices: ['all', 'first'],
      default: 'all',
      about: 'first: it approves first proposals, and decides nothing else',
      more: '`first`: the key approves first proposals and decides nothing else, for a program such as `approve --auto` ([docs/admin.md](admin.md#a-key-for-a-program))',
      example: 'keys add door.json --may first',
    },
    BEGUN,
    ...CONSENT,
  ],
  examples: ['keys add bob.json', 'keys add door.json --may first'],
  run: async (context, { request }, { answerTo, to, ...options }) => {
    const { keysAdd } = await import('../commands/keys.ts');
    await keysAdd(context, request, {
      ...options,
      ...(answerTo !== undefined && { answer: answerTo }),
      ...(to !== undefined && { keyset: to }),
    });
  },
});

/** `coatcheck keys threshold` */
export const keysThresholdCommand = command({
  usage: 'keys threshold <number>',
  about:
    'how many administrators have to sign each decision; exit 13 while the keyset, or what is in force, lacks signatures',
  options: [BEGUN, ...CONSENT],
  examples: ['keys threshold 2'],
  run: async (context, { number }, { to, ...options }) => {
    const { keysThreshold } = await import('../commands/keys.ts');
    await keysThreshold(context, number, { ...options, ...(to !== undefined && { keyset: to }) });
  },
});

/** `coatcheck keys sign` */
export const keysSignCommand = command({
  usage: 'keys sign <file>',
  about: 'sign a change of the administrators, or a key to watch, that another one began',
  options: [
    {
      name: 'answer-to',
      value: '<file>',
      about: 'where the site.json for who is added goes; default: NAME.site.json beside the file',
      example: '--answer-to bob.site.json',
    },
    ...CONSENT,
  ],
  examples: ['keys sign keyset-3.json', 'keys sign nagios.to-sign.json'],
  run: async (context, { file }, { answerTo, ...options }) => {
    const { keysSign } = await import('../commands/keys.ts');
    await keysSign(context, file, {
      ...options,
      ...(answerTo !== undefined && { answer: answerTo }),
    });
  },
});

/** `coatcheck keys remove` */
export const keysRemoveCommand = command({
  usage: 'keys remove <name>',
  about: 'take the rights of an administrator away',
  options: [BEGUN, ...CONSENT],
  examples: ['keys remove bob'],
  run: async (context, { name }, { to, ...options }) => {
    const { keysRemove } = await import('../commands/keys.ts');
    await keysRemove(context, name, { ...options, ...(to !== undefined && { keyset: to }) });
  },
});

/** `coatcheck keys reseal` */
export const keysResealCommand = command({
  usage: 'keys reseal',
  about: 'finish what a change of the administrators began',
  options: CONSENT,
  run: async (context, _, options) => {
    const { keysReseal } = await import('../commands/keys.ts');
    await keysReseal(context, options);
  },
});

/** `coatcheck keys monitor` */
export const keysMonitorCommand = command({
  usage: 'keys monitor <file>',
  about: 'a key that may be told how nodes stand, and nothing else',
  options: [
    {
      name: 'for',
      value: '<name>',
      about: 'what it is for, up to 32 characters: signed with it',
      default: 'monitor',
      example: 'keys monitor nagios.json --for nagios',
    },
    EXPIRES,
    {
      name: 'to',
      value: '<file>',
      about: 'what goes to the others if they have to sign it; default: FILE.to-sign.json',
      more: 'what goes to the others if they have to sign it, for `keys sign`; default: `FILE.to-sign.json` beside FILE. Given again, the command takes their signatures from there',
      example: 'keys monitor nagios.json --to for-bob.json',
    },
  ],
  examples: ['keys monitor nagios.json --expires 90d'],
  run: async (context, { file }, { for: name, ...options }) => {
    const { keysMonitor } = await import('../commands/monitor.ts');
    await keysMonitor(context, file, { name, ...options });
  },
});
