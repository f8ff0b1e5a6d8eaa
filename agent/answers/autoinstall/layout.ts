import * as fs from 'node:fs';
import { hasCode } from '../../../protocol/errors.ts';
import { ACCOUNT_FILES } from '../../../protocol/accounts.ts';
import type { AccountFile } from '../../../protocol/accounts.ts';
import { textOf } from '../../apply/accounts.ts';
import type { AccountTexts } from '../../apply/merge.ts';
import { listIn, readIn, statIn } from '../../tree/files.ts';
import { at, inFolder, inFolderOf, nameOf } from '../../tree/folder.ts';
import type { Folder } from '../../tree/folder.ts';
import { readThrough } from '../../tree/through.ts';
import { TEMPLATES } from './templates.ts';

/** What of the image decides where a setting goes. */
export interface Layout {
  /** Names of systemd's units, without aliases and those that the image masks; and paths that templates need */
  readonly has: ReadonlySet<string>;
  /** One character for each byte */
  readonly accounts: AccountTexts;
}

/** Where units are, the strongest last (systemd.unit(5)); `lib` where `/usr` is not merged. */
const UNIT_FOLDERS = ['lib/systemd/system', 'usr/lib/systemd/system', 'etc/systemd/system'];
const SSH_DROP_INS = 'etc/ssh/sshd_config.d';
const MAX_FILE_BYTES = 1024 * 1024;

/** Looks at a machine's files; nothing is run. @throws file_denied, path_refused, too_large */
export function findLayout(root: Folder): Layout {
  const has = new Set<string>();
  for (const folder of UNIT_FOLDERS) {
    for (const { name, isMasked } of unitsIn(root, folder)) {
      if (isMasked) has.delete(name);
      else has.add(name);
    }
  }
  for (const { needs } of TEMPLATES) {
    if (needs?.includes('/') === true && isThere(root, needs)) has.add(needs);
  }
  if (!includesDropIns(read(root, 'etc/ssh/sshd_config'))) has.delete(SSH_DROP_INS);
  const accounts: AccountTexts = {};
  for (const file of Object.keys(ACCOUNT_FILES) as AccountFile[]) {
    const item = readThrough(root, file);
    if (item.kind === 'file') accounts[file] = textOf(item.content);
  }
  return { has, accounts };
}

function unitsIn(root: Folder, path: string): { name: string; isMasked: boolean }[] {
  const list = (folder: Folder): { name: string; isMasked: boolean }[] =>
    listIn(folder).flatMap((name) => {
      const isLink = statIn(folder, name)?.isSymbolicLink() ?? false;
      const target = isLink ? fs.readlinkSync(at(folder, name)) : name;
      const isMasked = target === '/dev/null';
      // A link to another name is an alias: the unit itself is listed, too.
      return isMasked || nameOf(target) === name ? [{ name, isMasked }] : [];
    });
  try {
    return inFolder(root, path, list) ?? [];
  } catch (error) {
    // A link, as /lib is where /usr is merged: what it leads to is listed too.
    if (hasCode(error, 'path_refused')) return [];
    throw error;
  }
}

function isThere(root: Folder, path: string): boolean {
  return inFolderOf(root, path, (folder, name) => statIn(folder, name) !== undefined) ?? false;
}

/** One character for each byte: nobody promised UTF-8. */
function read(root: Folder, path: string): string | undefined {
  if (!isThere(root, path)) return undefined;
  return inFolderOf(root, path, (folder, name) => {
    return Buffer.from(readIn(folder, name, MAX_FILE_BYTES).content).toString('latin1');
  });
}

/** Whether sshd reads its drop-ins: a distribution may ship the folder and no `Include`. */
const includesDropIns = (config = ''): boolean =>
  /^\s*Include\s.*\/etc\/ssh\/sshd_config\.d\/\*/im.test(config);
