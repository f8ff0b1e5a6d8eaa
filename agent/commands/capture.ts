import { showPath } from '../../bundle/errors.ts';
import { faultsOf, faultText } from '../../protocol/bootable.ts';
import { hasCode } from '../../protocol/errors.ts';
import { pathList } from '../../protocol/paths.ts';
import type { PathList, PathTraits } from '../../protocol/paths.ts';
import { captureMachine } from '../apply/capture.ts';
import { readNamedSite } from '../boot/node.ts';
import type { Console } from '../console/console.ts';
import { counted, tellSkipped } from './captured.ts';
import { withRoot } from '../tree/folder.ts';
import { agentCommand } from './options.ts';

/** What a bundle may hold of this machine, file by file and setting by setting. */
export const captureCommand = agentCommand({
  usage: 'capture',
  about: 'show what this machine would propose',
  run({ places, console }) {
    const list = listOf(places.site, console);
    const { files, skipped, unnamed, metadata } = withRoot(places.root, (root) =>
      captureMachine(root, list),
    );
    const shown = files.map((file) => ({
      path: file.path,
      ...list.traitsOf(file.path)!,
      mode: file.mode.toString(8).padStart(4, '0'),
      owner: file.owner,
      group: file.group,
      size: file.content.length,
    }));
    const lines = shown.map(
      (f) =>
        `${f.mode} ${f.owner}:${f.group} ${String(f.size).padStart(6)} ${kindOf(f).padEnd(16)} ${showPath(f.path)}`,
    );
    for (const [name, value] of Object.entries(metadata)) {
      const words = typeof value === 'string' ? [value] : value;
      lines.push(...words.map((word) => `${name.padEnd(8)} ${word}`));
    }
    tellSkipped(console, { skipped, unnamed });
    const faults = faultsOf(files, list);
    for (const fault of faults) console.note(`no machine would take this: ${faultText(fault)}`);
    console.note(`${counted(files.length)}, ${shown.reduce((sum, f) => sum + f.size, 0)} bytes`);
    console.result(lines.join('\n'), {
      files: shown,
      settings: metadata,
      skipped,
      unnamed,
      faults,
    });
  },
});

/** What a bundle may place here; without a site, which a machine may not have yet, the built-in list. */
function listOf(site: string, console: Console): PathList {
  try {
    return pathList(readNamedSite(site).paths);
  } catch (error) {
    if (!hasCode(error, 'file_missing')) throw error;
    console.note(`by the built-in list of paths: there is no ${showPath(site)}`);
    return pathList();
  }
}

const kindOf = ({ executes, secret }: PathTraits): string =>
  `${executes === 'no' ? 'data' : executes}${secret ? ' secret' : ''}`;
