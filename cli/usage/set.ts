import { command } from './command.ts';
import { CONSENT, DIFFERENCE, EXPIRES, MEANT, REASON } from './options.ts';

/** `coatcheck set` */
export const setCommand = command({
  usage: 'set <setting> [node...]',
  about: 'change a setting that is in force for nodes: timezone=UTC, enable=chrony.service',
  options: [...MEANT, ...DIFFERENCE, REASON, EXPIRES, ...CONSENT],
  examples: [
    'set timezone=Europe/Berlin web1 web2',
    "set mask=ntp.service,ntpdate.service --where 'name~gx*'",
    'set unit:ntp.service= web1',
  ],
  run: async (context, { setting, node }, options) => {
    const { set } = await import('../commands/change.ts');
    await set(context, setting, node, options);
  },
});
