import { command } from './command.ts';
import { STORE } from './options.ts';

/** `coatcheck doctor` */
export const doctorCommand = command({
  usage: 'doctor',
  about: 'probe the store, and what each credential can do',
  options: [...STORE],
  run: async (context, _, options) => {
    const { doctor } = await import('../commands/doctor.ts');
    await doctor(context, options);
  },
});
