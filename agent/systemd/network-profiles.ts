import { failure, run } from '../programs/run.ts';

/** The unit that is told of its profiles by a restart. */
export const NETWORK_MANAGER = 'NetworkManager.service';

/** A profile of NetworkManager. */
interface Profile {
  readonly uuid: string;
  /** The interface that it is in force on; empty where it is on none */
  readonly device: string;
  /** Where it lies */
  readonly file: string;
}

const STARTED_SECONDS = 60;

/**
 * Has NetworkManager go on with the profiles of a configuration. It takes over what is up when it is restarted,
 * also with a profile of the image, or one that was made for a boot that had none: where the configuration has
 * one for that port, it is ended, and NetworkManager takes the best there is.
 * @param paths of the files of the configuration, without the slash in front
 * @throws step_failed with what nmcli said
 */
export async function takeUpProfiles(paths: readonly string[]): Promise<void> {
  // Before it has looked at all interfaces it says that nothing is in force.
  const wait = ['-s', '-q', '-t', String(STARTED_SECONDS)];
  await run('nm-online', wait, { timeoutSeconds: STARTED_SECONDS + 10 });
  const profiles = portProfiles(await ask('-f', 'UUID,DEVICE,TYPE,FILENAME', 'connection', 'show'));
  const isOurs = ({ file }: Profile): boolean => paths.includes(file.slice(1));
  const ours = profiles.filter(isOurs).map(({ uuid }) => uuid);
  for (const profile of profiles.filter((one) => one.device !== '' && !isOurs(one))) {
    const fitting = ['-f', 'CONNECTIONS.AVAILABLE-CONNECTIONS', 'device', 'show', profile.device];
    const fits = await ask(...fitting);
    if (ours.some((uuid) => fits.includes(uuid))) {
      await ask('connection', 'down', 'uuid', profile.uuid);
    }
  }
}

/** Of what `nmcli -t -e no -f UUID,DEVICE,TYPE,FILENAME connection show` prints. */
function portProfiles(text: string): Profile[] {
  return text.split('\n').flatMap((line) => {
    const [, uuid, device, type, file] = /^([^:]*):([^:]*):([^:]*):(.*)$/.exec(line) ?? [];
    const isPort = ['802-3-ethernet', 'infiniband'].includes(type ?? '');
    return isPort ? [{ uuid: uuid!, device: device!, file: file! }] : [];
  });
}

async function ask(...args: readonly string[]): Promise<string> {
  const all = ['-t', '-e', 'no', ...args];
  const ran = await run('nmcli', all, { timeoutSeconds: 60 });
  if (ran.status !== 0) throw failure('step_failed', 'nmcli', all, ran);
  return ran.stdout.toString('utf8');
}
