import { mkdir, readdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { buildDeb, putCompletions } from './build.ts';
import type { DebOptions } from './build.ts';

const NAME = 'coatcheck-agent';
const FOLDER = 'packaging/deb/agent';
const HOME = 'usr/lib/coatcheck';
const UNITS = join('agent', 'units');
const GENERATOR = 'coatcheck-generator';

/** Where each file of this repository goes. */
const FILES: Readonly<Record<string, string>> = {
  ...besides('initramfs', `${HOME}/initramfs`, 'contents', 'systemd-notify', 'until-applied'),
  ...besides('ready.d', `${HOME}/ready.d`, 'common', 'foreman', 'freeipa', 'webhook'),
  ...besides(
    'dracut',
    'usr/lib/dracut/modules.d/90coatcheck',
    'module-setup.sh',
    'network.sh',
    'pre-pivot.sh',
  ),
  'packaging/initramfs-tools/hook': 'usr/share/initramfs-tools/hooks/coatcheck',
  'packaging/initramfs-tools/script': 'usr/share/initramfs-tools/scripts/init-bottom/coatcheck',
  [`${UNITS}/${GENERATOR}`]: `usr/lib/systemd/system-generators/${GENERATOR}`,
  [`${FOLDER}/copyright`]: `usr/share/doc/${NAME}/copyright`,
};

function besides(folder: string, target: string, ...names: string[]): Record<string, string> {
  return Object.fromEntries(
    names.map((name) => [`packaging/${folder}/${name}`, join(target, name)]),
  );
}

/**
 * Builds the package of the agent: its one file, its units, and what puts it into an initramfs.
 * @param agent its one file
 * @returns its path; as `buildDeb`
 */
export function buildAgentDeb({
  agent,
  ...options
}: DebOptions & { readonly agent: string }): Promise<string> {
  return buildDeb(
    {
      ...{ name: NAME, folder: FOLDER },
      async putFiles(root) {
        await root.copy(agent, `${HOME}/${NAME}.mjs`);
        for (const [from, to] of Object.entries(FILES)) await root.copy(from, to);
        for (const unit of await readdir(UNITS)) {
          if (unit === GENERATOR) continue;
          await root.copy(join(UNITS, unit), `usr/lib/systemd/system/${unit}`);
        }
        await putCompletions(root, NAME, agent);
        await mkdir(join(root.path, 'usr/bin'));
        await symlink(`../lib/coatcheck/${NAME}.mjs`, join(root.path, 'usr/bin', NAME));
      },
    },
    options,
  );
}
