import type { Lab } from '../lab.ts';
import type { Booted } from './first-boot.ts';

/** The server goes away, and what remains is looked at. */
export async function end(lab: Lab, { machine, short }: Booted): Promise<void> {
  const { narrator } = lab;
  narrator.chapter('The server goes away');
  const log = lab.serverLog();
  await lab.stopServer();
  const boot = await lab.agent(machine, ['boot', '--once']);
  narrator.check('the machine waits for it', boot.error === 'server_unreachable', boot.stderr);
  const history = await lab.coatcheck(['history', short]);
  narrator.check(
    'the administrator is told, in one line',
    history.code === 7 && history.stderr.trim().split('\n').length === 1,
    history.stderr,
  );
  narrator.check(
    "the server's log holds no URL that somebody could use",
    log.includes('/v1/') && !/signature=/i.test(log),
  );
}
