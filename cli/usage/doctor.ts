import { STORE_OPTIONS } from '../../functions/stores/options.ts';
import { command } from './command.ts';
import { STORE } from './options.ts';

/** `coatcheck doctor` */
export const doctorCommand = command({
  usage: 'doctor',
  about: 'probe the store, and what each credential can do',
  options: [
    ...STORE,
    {
      name: 'deployed',
      about: 'have a deployment on AWS probe itself, with the roles of its functions',
      more: "have a deployment on AWS probe itself, with the roles of its functions: no key pair is needed, but the admin key, and at most once a minute. For a stack that was made with `probe` ([docs/deploy-aws.md](deploy-aws.md)). The record, what waits and the site's CA are not read",
      excludes: STORE_OPTIONS.map(({ name }) => name),
      example: 'doctor --deployed',
    },
  ],
  run: async (context, _, { deployed, ...flags }) => {
    const { doctor, doctorDeployed } = await import('../commands/doctor.ts');
    await (deployed ? doctorDeployed(context) : doctor(context, flags));
  },
});
