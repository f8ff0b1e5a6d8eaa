import { sha256 } from '#platform';
import { toHex, utf8 } from '../../bundle/bytes.ts';
import { fail } from '../../protocol/errors.ts';
import { BASELINE_FILE, readBaseline } from '../apply/baseline.ts';
import { baselineOf } from '../apply/capture.ts';
import { shippedByPackages } from '../programs/packages.ts';
import { closeFolder, openRoot, withRoot } from '../tree/folder.ts';
import { createFileNow } from '../../files/write.ts';
import { siteList } from './captured.ts';
import { agentCommand } from './options.ts';

/** What this image says that it ships. Throws file_missing, file_malformed. */
export const baselineCommand = agentCommand({
  usage: 'baseline',
  about: 'show what this image says that it ships, which no bundle has to hold',
  run({ places, console }) {
    const look = withRoot(places.root, readBaseline);
    if (look.state === 'absent') {
      throw fail('file_missing', `this image has no ${BASELINE_FILE}: a bundle holds everything`);
    }
    if (look.state === 'unusable') {
      throw fail('file_malformed', `${BASELINE_FILE} is not used: ${look.why}`);
    }
    const { baseline, digest } = look;
    const counts = {
      files: Object.keys(baseline.files).length,
      links: Object.keys(baseline.links).length,
      accounts: Object.values(baseline.accounts).flatMap(({ entries }) => Object.keys(entries))
        .length,
    };
    const lines = [
      `image    ${baseline.image ?? 'without a version'}`,
      `digest   ${digest}`,
      ...Object.entries(counts).map(([name, count]) => `${name.padEnd(8)} ${count}`),
    ];
    console.result(lines.join('\n'), { image: baseline.image ?? null, digest, ...counts });
  },
});

/** Throws file_exists, file_denied, disk_full; and as `shippedByPackages`. */
export const baselineMakeCommand = agentCommand({
  usage: 'baseline make <path>',
  about: 'record what an image ships, of all that a bundle may hold, in a new file',
  options: [
    {
      name: 'packages',
      about: 'of an installed system: only what is as its packages ship it',
      example: 'baseline make --packages /usr/lib/coatcheck/baseline.json',
    },
  ],
  async run({ places, console }, { path }, { packages }) {
    const root = openRoot(places.root);
    try {
      const isShipped = packages ? await shippedByPackages(root, places.root) : () => true;
      const list = siteList(places.site, console);
      const text = baselineOf(root, list, (file) => isShipped(file), !packages);
      createFileNow(path, utf8(text), 0o644);
      const digest = toHex(sha256(utf8(text)));
      console.result(digest, { digest, path });
    } finally {
      closeFolder(root);
    }
  },
});
