import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Lab } from '../lab.ts';

interface DoctorDocument {
  readonly ok: boolean;
  readonly findings: readonly { probe: string; status: string; found: string }[];
}

/** An administrator makes a site, starts the server, and has the store examined. */
export async function makeSite(lab: Lab): Promise<void> {
  const { narrator, folder } = lab;
  narrator.chapter('An administrator makes a site and starts the server');
  const made = await lab.coatcheck(['init', '--name', 'demo', '--admin-name', 'ada']);
  narrator.check('the site is made', made.code === 0, made.stderr);
  const home = join(folder, 'site');
  const { mode } = await stat(join(home, 'admin.key'));
  narrator.check('only its owner can read the admin key', (mode & 0o077) === 0);
  const key = JSON.parse(await readFile(join(home, 'admin.key'), 'utf8')) as { seed: unknown };
  narrator.check('the admin key is sealed under a passphrase', typeof key.seed === 'object');
  const again = await lab.coatcheck(['init', '--name', 'demo']);
  narrator.check('a site is never overwritten', again.error === 'file_exists', again.stderr);

  await lab.serve();
  narrator.command('coatcheck doctor');
  await examine(lab);
}

/** Every probe of `coatcheck doctor`, each a check. */
export async function examine(lab: Lab): Promise<void> {
  const { findings } = await lab.ask<DoctorDocument>(['doctor', ...lab.storeArgs]);
  lab.narrator.checkEach(
    `the store and its three credentials keep ${findings.length} promises`,
    findings.map(({ probe, status, found }) => ({
      ok: status !== 'fail',
      detail: `${probe}: ${found}`,
    })),
  );
}
