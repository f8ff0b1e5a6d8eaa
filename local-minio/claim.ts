import { open, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../cli/files.ts';
import { fail } from '../protocol/errors.ts';
import { describeOwner, disown, ownerOf, ownName } from '../store/own-name.ts';

/**
 * Says, by an empty file that names this process, that a lab runs in a folder: two MinIOs on the same
 * data would harm it.
 * @param folder made if it is missing
 * @returns takes it back
 * @throws in_use
 */
export async function claimFolder(folder: string): Promise<() => Promise<void>> {
  await makeFolder(folder);
  const name = await ownName('lab');
  const release = async (): Promise<void> => {
    await unlink(join(folder, name)).catch(() => undefined);
    disown(name);
  };
  await (await open(join(folder, name), 'wx', 0o600)).close();
  for (const other of await readdir(folder)) {
    if (!other.startsWith('lab.') || other === name) continue;
    if ((await ownerOf(other)) === 'dead') {
      await unlink(join(folder, other)).catch(() => undefined);
      continue;
    }
    await release();
    const owner = describeOwner(other);
    throw fail('in_use', `${owner} runs a lab in ${folder}: stop it, or name another --dir`);
  }
  return release;
}
