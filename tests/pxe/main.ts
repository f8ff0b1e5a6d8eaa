import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { openRack } from './lab.ts';

const PASSWORD = 'coatcheck';

/**
 * `npm run lab`: a machine without a disk, its boot server and coatcheck, in a network of their own; this
 * terminal is its serial line.
 */
const rack = await openRack('lab', { store: 'folder' });
const program = join(rack.network.folder, 'coatcheck');
const command = [...rack.network.inside, process.execPath, resolve('dist/coatcheck.mjs')];
writeFileSync(program, `#!/bin/sh\nexec ${command.join(' ')} --home ${rack.home} "$@"\n`, {
  mode: 0o755,
});
console.log(`
A machine without a disk is switched on, and this terminal is its serial line. It boots, and waits for you.
In another terminal, as root:

  ${program} pending
  ${program} approve "ITS EIGHT WORDS"

Once it is ready, root logs in with the password ${PASSWORD}. Ctrl-A X switches it off.
`);
const { stdout: hash } = spawnSync('openssl', ['passwd', '-6', PASSWORD], { encoding: 'utf8' });
const append = `ip=dhcp coatcheck.key=image hostname=lab rootpw=${hash.trim()}`;
const terminal = createInterface({ input: process.stdin, output: process.stdout });
try {
  for (;;) {
    terminal.pause();
    await rack.attend(1, { append });
    const again = await terminal.question(
      '\nIt is off. Enter switches it on again, q ends the lab: ',
    );
    if (again.trim() !== '') break;
  }
} finally {
  terminal.close();
  await rack.close();
}
