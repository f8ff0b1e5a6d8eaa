import { resolve } from 'node:path';
import { openBundle } from '../../bundle/index.ts';
import { fail } from '../../protocol/errors.ts';
import { MAX_ENTRY_BYTES } from '../../protocol/history.ts';
import { unlock } from '../context.ts';
import type { Context } from '../context.ts';
import { readLocalFile } from '../../files/read.ts';
import { count } from '../../protocol/count.ts';
import { demandOwnEmpty, writeWhole } from '../new-folder.ts';
import { parseSealed } from './bundle.ts';

/** `coatcheck bundle export FILE FOLDER`: the files of a bundle, into a new or an empty folder. */
export async function exportFiles(
  context: Context,
  file: string,
  folderText: string,
): Promise<void> {
  const { terminal } = context;
  const bytes = await readLocalFile(file, { maxBytes: MAX_ENTRY_BYTES });
  const { sealed, kind } = parseSealed(bytes);
  if (sealed === undefined || kind === 'report') {
    throw fail(
      'usage',
      `${file} holds no files: it is a ${kind === 'report' ? kind : 'decision without a bundle'}`,
    );
  }
  const folder = resolve(folderText);
  await demandOwnEmpty(folder);
  const manifest = openBundle(sealed, await unlock(context));
  await writeWhole(folder, manifest.files);
  terminal.print(`${count(manifest.files.length, 'file')} written to ${folder}`);
  terminal.hint('owners and the rights of others are not applied: the files may hold secrets');
  terminal.document({ folder, files: manifest.files.map((entry) => entry.path) });
}
