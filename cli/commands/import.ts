import { resolve } from 'node:path';
import { CoatcheckError, showPath } from '../../bundle/errors.ts';
import { readLocalFile } from '../../files/read.ts';
import { count } from '../../protocol/count.ts';
import { codeOf, fail } from '../../protocol/errors.ts';
import { pathList } from '../../protocol/paths.ts';
import type { Context } from '../context.ts';
import { settle } from '../import/settle.ts';
import type { Settled } from '../import/settle.ts';
import { MAX_SOURCE_BYTES, readSource } from '../import/source.ts';
import { demandOwnEmpty, writeWhole } from '../new-folder.ts';
import { readSite } from '../site-file.ts';

/** `coatcheck import SOURCE FOLDER`: makes of other tools' files a folder for `coatcheck prepare`. */
export async function importFiles(
  { terminal, home }: Context,
  source: string,
  folderText: string,
): Promise<void> {
  const site = await readSite(home);
  const bytes = await readLocalFile(source, { maxBytes: MAX_SOURCE_BYTES });
  const folder = resolve(folderText);
  await demandOwnEmpty(folder);
  const { files, notKept } = settled();
  await writeWhole(folder, files);
  terminal.print(`${count(files.length, 'file')} written to ${folder}`);
  for (const { change, paths } of notKept) {
    terminal.warn(`${change}: ${paths.map(showPath).join(', ')}`);
  }
  terminal.hint(`a machine has them after coatcheck prepare KEYS ${folderText}`);
  terminal.document({ folder, files: files.map(({ path }) => path), notKept });

  function settled(): Settled {
    try {
      return settle(readSource(bytes), pathList(site.paths));
    } catch (error) {
      if (!(error instanceof CoatcheckError)) throw error;
      throw fail(codeOf(error), `${source}: ${error.message}`, { cause: error });
    }
  }
}
