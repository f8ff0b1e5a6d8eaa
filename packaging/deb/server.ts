import { mkdir, readdir, readFile, symlink } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { buildDeb, putCompletions } from './build.ts';
import type { DebOptions, DebRoot } from './build.ts';

const NAME = 'coatcheck';
const FOLDER = 'packaging/deb/server';
const HOME = 'usr/lib/coatcheck/cli';

/** Where each file of this repository goes. */
const FILES: Readonly<Record<string, string>> = {
  'packaging/server/coatcheck.service': 'usr/lib/systemd/system/coatcheck.service',
  'packaging/server/coatcheck.socket': 'usr/lib/systemd/system/coatcheck.socket',
  'packaging/server/coatcheck.sysusers': 'usr/lib/sysusers.d/coatcheck.conf',
  [`${FOLDER}/default`]: 'etc/default/coatcheck',
};

/** What a program that stands alone names its libraries in. */
const LIBRARIES = 'libraries.json';

/**
 * Builds the package of administrators and servers: `coatcheck` with its libraries in it, and the units of its server.
 * @param program the folder that scripts/standalone.ts makes
 * @returns its path; as `buildDeb`
 */
export function buildServerDeb({
  program,
  ...options
}: DebOptions & { readonly program: string }): Promise<string> {
  const putFiles = (root: DebRoot): Promise<void> => putProgram(root, program);
  return buildDeb({ name: NAME, folder: FOLDER, putFiles }, options);
}

async function putProgram(root: DebRoot, program: string): Promise<void> {
  const files = await readdir(program, { recursive: true, withFileTypes: true });
  for (const file of files) {
    const path = join(file.parentPath, file.name);
    if (!file.isFile() || file.name === LIBRARIES) continue;
    await root.copy(path, join(HOME, relative(program, path)));
  }
  const libraries = JSON.parse(await readFile(join(program, LIBRARIES), 'utf8')) as string[];
  await root.write(`usr/share/doc/${NAME}/copyright`, await copyrightOf(libraries));
  for (const [from, to] of Object.entries(FILES)) await root.copy(from, to);
  await putCompletions(root, NAME, join(root.path, HOME, 'coatcheck.mjs'));
  await mkdir(join(root.path, 'usr/bin'));
  await symlink(`../lib/coatcheck/cli/coatcheck.mjs`, join(root.path, 'usr/bin', NAME));
}

/** Ours, and of each library a paragraph with the text of its license, as it came. */
async function copyrightOf(libraries: readonly string[]): Promise<string> {
  const ours = await readFile(`${FOLDER}/copyright`, 'utf8');
  const paragraphs = await Promise.all(libraries.map(paragraphOf));
  return [ours, ...paragraphs].join('\n');
}

async function paragraphOf(folder: string): Promise<string> {
  const { license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as {
    license: string;
  };
  const name = (await readdir(folder)).find((file) => /^licen[cs]e(\.md|\.txt)?$/i.test(file));
  const text = name === undefined ? '' : await readFile(join(folder, name), 'utf8');
  const owners = text
    .split('\n')
    .map((line) => /^\W*copyright\W+(?:\(c\)\W*)?(\d.*)$/i.exec(line.trim())?.[1])
    .filter((owner) => owner !== undefined);
  // Apache's is with Debian.
  const isKnown = license === 'Apache-2.0' || text === '';
  const lines = isKnown
    ? []
    : text
        .trim()
        .split('\n')
        .map((line) => ` ${line.trim() || '.'}`);
  return [
    `Files: ${folder}/*`,
    `Copyright: ${owners.join('\n           ') || `the authors of ${folder.replace(/.*node_modules\//, '')}`}`,
    `License: ${license}`,
    ...lines,
    '',
  ].join('\n');
}
