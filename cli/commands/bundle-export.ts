import { mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { openBundle } from '../../bundle/index.ts';
import type { FileEntry } from '../../bundle/index.ts';
import { fail, hasCode } from '../../protocol/errors.ts';
import { MAX_ENTRY_BYTES } from '../../protocol/history.ts';
import { unlock } from '../context.ts';
import type { Context } from '../context.ts';
import { fileError } from '../../files/errors.ts';
import { readLocalFile } from '../../files/read.ts';
import { createFile, makeFolder } from '../../files/write.ts';
import { notFinished } from '../../files/unfinished.ts';
import { count } from '../../protocol/count.ts';
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

/** All the files or none: they are written beside the folder, which then takes its place. */
async function writeWhole(folder: string, files: readonly FileEntry[]): Promise<void> {
  await makeFolder(dirname(folder));
  let staging: string | undefined;
  try {
    // Only its owner may enter it, so no part of it can become a link meanwhile.
    staging = await mkdtemp(`${folder}.`);
    const done = notFinished(staging);
    for (const { path, mode, content } of files) {
      // Checked by the format: relative, no empty, `.` or `..` part.
      const target = join(staging, path);
      await makeFolder(dirname(target));
      await createFile(target, content, mode & 0o700);
    }
    await rename(staging, folder);
    done();
  } catch (error) {
    if (staging !== undefined) await rm(staging, { recursive: true, force: true });
    throw fileError(error, folder);
  }
}

/** @throws file_exists if anything is in it; file_unsafe if others could put links into it */
async function demandOwnEmpty(folder: string): Promise<void> {
  let names: string[];
  try {
    names = await readdir(folder);
    const { mode, uid } = await stat(folder);
    if ((mode & 0o022) !== 0 || uid !== process.getuid?.()) {
      throw fail('file_unsafe', `others may write into ${folder}: name a new folder`);
    }
  } catch (error) {
    const mapped = fileError(error, folder);
    if (hasCode(mapped, 'file_missing')) return;
    throw mapped;
  }
  if (names.length > 0) throw fail('file_exists', `${folder} is not empty: name a new folder`);
}
