import * as v from 'valibot';
import { isPath } from '../../bundle/path.ts';
import { textIn } from '../../files/text.ts';
import { fail } from '../../protocol/errors.ts';
import { isPattern, pathMatcher } from '../../protocol/path-pattern.ts';
import type { Folder } from '../tree/folder.ts';
import { readItem } from '../tree/item.ts';

/** The image's own map, which takes the place of the agent's: what runs there is the image's matter. */
export const RESTART_MAP = 'etc/coatcheck/restart.json';

/** How a running unit hears of a new file: it reads it again, or it has to be started anew. */
export type Verb = 'reload' | 'restart';

/** Units by the paths (as patterns, `*` and `**`) that they read. */
export type RestartMap = Readonly<Record<Verb, Readonly<Record<string, readonly string[]>>>>;

/**
 * For an image that says nothing: the usual readers of what a bundle usually holds, by the names
 * that Debian and Fedora give them. Units that do not run are left alone.
 */
export const USUAL_MAP: RestartMap = {
  reload: {
    'etc/ssh/sshd_config': ['ssh.service', 'sshd.service'],
    'etc/ssh/sshd_config.d/*': ['ssh.service', 'sshd.service'],
    'etc/nftables.conf': ['nftables.service'],
    'etc/exports': ['nfs-server.service'],
    'etc/exports.d/*': ['nfs-server.service'],
    'etc/autofs.conf': ['autofs.service'],
    'etc/auto.*': ['autofs.service'],
    // Only the interfaces that have another file then are configured anew.
    'etc/systemd/network/*.network': ['systemd-networkd.service'],
    'etc/systemd/network/*.network.d/*': ['systemd-networkd.service'],
  },
  restart: {
    'etc/ssh/ssh_host_*_key': ['ssh.service', 'sshd.service'],
    // It makes what is new as it reloads, and leaves what is there.
    'etc/systemd/network/*.netdev': ['systemd-networkd.service'],
    'etc/systemd/network/*.netdev.d/*': ['systemd-networkd.service'],
    'etc/systemd/networkd.conf': ['systemd-networkd.service'],
    'etc/systemd/networkd.conf.d/*': ['systemd-networkd.service'],
    'etc/NetworkManager/**': ['NetworkManager.service'],
    'etc/network/**': ['networking.service'],
    'etc/chrony.conf': ['chrony.service', 'chronyd.service'],
    'etc/chrony/**': ['chrony.service', 'chronyd.service'],
    'etc/rsyslog.conf': ['rsyslog.service'],
    'etc/rsyslog.d/*': ['rsyslog.service'],
    'etc/collectd.conf': ['collectd.service'],
    'etc/sssd/**': ['sssd.service'],
    'etc/sysctl.conf': ['systemd-sysctl.service'],
    'etc/sysctl.d/*': ['systemd-sysctl.service'],
    'etc/modules-load.d/*': ['systemd-modules-load.service'],
    'etc/vconsole.conf': ['systemd-vconsole-setup.service'],
    'etc/systemd/journald.conf': ['systemd-journald.service'],
    'etc/systemd/journald.conf.d/*': ['systemd-journald.service'],
    'etc/systemd/resolved.conf': ['systemd-resolved.service'],
    'etc/systemd/resolved.conf.d/*': ['systemd-resolved.service'],
    'etc/systemd/timesyncd.conf': ['systemd-timesyncd.service'],
    'etc/systemd/timesyncd.conf.d/*': ['systemd-timesyncd.service'],
  },
};

const Units = v.record(
  v.pipe(
    v.string(),
    v.check((text) => isPath(text) && isPattern(text), 'is no pattern of paths'),
  ),
  v.array(v.pipe(v.string(), v.regex(/^[A-Za-z0-9:_.\\@*-]{1,240}\.[a-z]+$/, 'is a unit'))),
);
const MapFile = v.strictObject({
  coatcheck: v.literal('restart/1'),
  reload: v.optional(Units, {}),
  restart: v.optional(Units, {}),
});

/** @throws file_malformed */
export function readRestartMap(root: Folder): RestartMap {
  const item = readItem(root, RESTART_MAP);
  if (item.kind !== 'file') return USUAL_MAP;
  const parsed = v.safeParse(MapFile, json(textIn(item.content, RESTART_MAP)));
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  const said = `${v.getDotPath(issue) ?? 'the file'}: ${issue.message}`;
  throw fail('file_malformed', `${RESTART_MAP} is no restart map of coatcheck: ${said}`);
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The units that one verb of the map names for any of the paths. */
export function readersOf(map: RestartMap[Verb], paths: readonly string[]): string[] {
  return Object.entries(map).flatMap(([pattern, units]) => {
    const named = pathMatcher([pattern]);
    return paths.some(named) ? units : [];
  });
}
