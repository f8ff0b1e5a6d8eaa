import { readersOf } from './restart-map.ts';
import type { RestartMap } from './restart-map.ts';

/** Which running units have to hear of changed files, and how. No unit is in two of these. */
export interface Restarts {
  /** Unit files or drop-ins changed: the manager has to read them first. */
  readonly daemonReload: boolean;
  readonly reload: readonly string[];
  readonly restart: readonly string[];
  /** Those that hold the connection to the server, by verb: last of all. */
  readonly network: { readonly reload: readonly string[]; readonly restart: readonly string[] };
}

const UNIT_FOLDER = 'etc/systemd/system/';
const NETWORK = new Set([
  'systemd-networkd.service',
  'NetworkManager.service',
  'networking.service',
  'network.service',
  'wicked.service',
  'dhcpcd.service',
  'wpa_supplicant.service',
]);

/** The agent itself: restarted by itself, it would never come to the end. Its next start is soon enough. */
const OWN = new Set(['coatcheck-agent.service', 'coatcheck-refresh.service']);

/**
 * What follows from changed files: a unit whose own file changed is restarted, since a reload does
 * not run a new program; one that the bundle names for a path is reloaded if it can be; the others
 * as the image's map says. Where they disagree, the restart wins. A template stands for every instance
 * of it that runs.
 *
 * @param bundle the metadata's `restart`: units by path
 */
export function restartsFor(
  paths: readonly string[],
  bundle: Readonly<Record<string, readonly string[]>>,
  image: RestartMap,
): Restarts {
  const own = paths.flatMap(ownUnit);
  const restart = new Set([...own, ...readersOf(image.restart, paths)]);
  const named = paths.flatMap((path) => (Object.hasOwn(bundle, path) ? bundle[path]! : []));
  const reload = new Set([...named, ...readersOf(image.reload, paths)]);
  for (const unit of restart) reload.delete(unit);
  const only = (units: Iterable<string>, network: boolean): string[] =>
    [...units]
      .map((unit) => unit.replace(/@\./, '@*.'))
      .filter((unit) => NETWORK.has(unit) === network && !OWN.has(unit))
      .sort();
  return {
    daemonReload: paths.some((path) => path.startsWith(UNIT_FOLDER)),
    reload: only(reload, false),
    restart: only(restart, false),
    network: { reload: only(reload, true), restart: only(restart, true) },
  };
}

/** The unit that a file below /etc/systemd/system makes or changes (systemd.unit(5)). */
function ownUnit(path: string): string[] {
  if (!path.startsWith(UNIT_FOLDER)) return [];
  const [first = '', ...rest] = path.slice(UNIT_FOLDER.length).split('/');
  const unit = rest.length === 0 ? first : first.replace(/\.d$/, '');
  const isDropIn = rest.length === 1 && first.endsWith('.d') && rest[0]!.endsWith('.conf');
  if (!/^[A-Za-z0-9:_.\\@-]+\.[a-z]+$/.test(unit) || (rest.length > 0 && !isDropIn)) return [];
  return [unit];
}
