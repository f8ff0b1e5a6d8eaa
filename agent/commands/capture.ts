import { showPath } from '../../bundle/errors.ts';
import { faultText } from '../../protocol/bootable.ts';
import type { PathTraits } from '../../protocol/paths.ts';
import { faultsHere } from '../apply/faults.ts';
import { captureMachine } from '../apply/capture.ts';
import { counted, siteList, tellCapture } from './captured.ts';
import { withRoot } from '../tree/folder.ts';
import { agentCommand } from './options.ts';

/** What a bundle may hold of this machine, file by file and setting by setting. */
export const captureCommand = agentCommand({
  usage: 'capture',
  about: 'show what a bundle may hold of this machine: what it proposes while nothing is in force',
  run({ places, console }) {
    const { list, capture, faults } = withRoot(places.root, (root) => {
      const list = siteList(places.site, console);
      const capture = captureMachine(root, list);
      return { list, capture, faults: faultsHere(root, capture.files, list) };
    });
    const { files, skipped, unnamed } = capture;
    const { image, baseline, left = {}, ...settings } = capture.metadata;
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
    for (const [name, value] of Object.entries(settings)) {
      const words = typeof value === 'string' ? [value] : value;
      lines.push(...words.map((word) => `${name.padEnd(8)} ${word}`));
    }
    tellCapture(console, capture, list);
    for (const fault of faults) console.note(`no machine would take this: ${faultText(fault)}`);
    console.note(`${counted(files.length)}, ${shown.reduce((sum, f) => sum + f.size, 0)} bytes`);
    console.result(lines.join('\n'), {
      files: shown,
      ...{ settings, image, baseline, left },
      ...{ skipped, unnamed, faults },
    });
  },
});

const kindOf = ({ executes, secret }: PathTraits): string =>
  `${executes === 'no' ? 'data' : executes}${secret ? ' secret' : ''}`;
