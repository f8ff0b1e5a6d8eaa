import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rename } from 'node:fs/promises';
import { rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { run } from '../../files/run-program.ts';

/** Where a Debian package is made, and of when it is. */
export interface DebOptions {
  /** The folder that the package is put into, made where it is missing */
  readonly out: string;
  /** Seconds since 1970: no file in the package is newer. The same inputs give the same bytes. */
  readonly date: number;
}

/** What a Debian package is made of. */
export interface DebPackage {
  readonly name: string;
  /** Where `control` is, and the maintainer scripts */
  readonly folder: string;
  /** Puts its files below a root. */
  readonly putFiles: (root: DebRoot) => Promise<void>;
}

/** The root that a package is packed from. */
export interface DebRoot {
  readonly path: string;
  /** @param from below this repository @param to below the root */
  copy(from: string, to: string): Promise<void>;
  write(to: string, content: string | Buffer): Promise<void>;
}

/** What Debian calls maintainer scripts, and the list of files that are the administrator's. */
const SCRIPTS = ['postinst', 'prerm', 'postrm', 'conffiles'];

/**
 * Builds a Debian package, with its changelogs, manual and completions. `etc/coatcheck` is there and empty.
 * @returns its path, `<out>/<name>_<version>_all.deb`
 * @throws probe_failed with what a program said
 */
export async function buildDeb(
  { name, folder, putFiles }: DebPackage,
  { out, date }: DebOptions,
): Promise<string> {
  const { version: ours } = JSON.parse(await readFile('package.json', 'utf8')) as {
    version: string;
  };
  // 1.0.0-rc.1 is before 1.0.0: in deb-version(7) a hyphen would say something else.
  const version = ours.replaceAll('-', '~');
  await mkdir(out, { recursive: true });
  const work = await mkdtemp(join(out, '.deb-'));
  try {
    const root = rootAt(join(work, 'root'));
    await putFiles(root);
    await mkdir(join(root.path, 'etc/coatcheck'), { recursive: true });
    await root.write(
      `usr/share/man/man1/${name}.1.gz`,
      zipped(await readFile(`docs/man/${name}.1`)),
    );
    const control = await readFile(join(folder, 'control'), 'utf8');
    await putChanges(root, { name, version, date, control });
    await putControl(root, { folder, version, control });
    await setModes(root.path);
    const unfinished = join(work, 'unfinished.deb');
    const env = { SOURCE_DATE_EPOCH: String(date) };
    await run('find', [root.path, '-exec', 'touch', '-h', '-d', `@${date}`, '{}', '+']);
    await run('dpkg-deb', ['--root-owner-group', '-Zxz', '--build', root.path, unfinished], {
      env,
    });
    const made = join(out, `${name}_${version}_all.deb`);
    await rename(unfinished, made);
    return made;
  } finally {
    await rm(work, { recursive: true });
  }
}

function rootAt(path: string): DebRoot {
  const place = async (to: string): Promise<string> => {
    const file = join(path, to);
    await mkdir(dirname(file), { recursive: true });
    return file;
  };
  return {
    path,
    copy: async (from, to) => copyFile(from, await place(to)),
    write: async (to, content) => writeFile(await place(to), content),
  };
}

/** Puts what completes a program's command lines where each shell looks for it. */
export async function putCompletions(root: DebRoot, name: string, program: string): Promise<void> {
  const places = {
    bash: `usr/share/bash-completion/completions/${name}`,
    zsh: `usr/share/zsh/vendor-completions/_${name}`,
    fish: `usr/share/fish/vendor_completions.d/${name}.fish`,
  };
  for (const [shell, to] of Object.entries(places)) {
    await root.write(to, await run(process.execPath, [program, 'completion', shell]));
  }
}

interface Named {
  readonly version: string;
  readonly control: string;
}

/** Ours, and what Debian's tools read: deb-changelog(5). */
async function putChanges(
  root: DebRoot,
  { name, version, date, control }: Named & { readonly name: string; readonly date: number },
): Promise<void> {
  const at = `usr/share/doc/${name}`;
  const day = new Date(date * 1000).toUTCString().replace('GMT', '+0000');
  const maintainer = /^Maintainer: (.*)$/m.exec(control)![1]!;
  const said = `  * /${at}/CHANGELOG.md.gz has what changed.`;
  const entry = `${name} (${version}) unstable; urgency=medium\n\n${said}\n\n -- ${maintainer}  ${day}\n`;
  await root.write(`${at}/changelog.gz`, zipped(Buffer.from(entry)));
  await root.write(`${at}/CHANGELOG.md.gz`, zipped(await readFile('CHANGELOG.md')));
}

/** Without a name and a date in it (RFC 1952), as Debian Policy has it. */
const zipped = (content: Buffer): Buffer => gzipSync(content, { level: 9 });

async function putControl(
  root: DebRoot,
  { folder, version, control }: Named & { readonly folder: string },
): Promise<void> {
  const { path } = root;
  const size = (await run('du', ['-sk', '--apparent-size', path])).split('\t')[0]!;
  const files = (await run('find', ['.', '-type', 'f', '-printf', '%P\\n'], { cwd: path })).trim();
  const sums = await run('md5sum', files.split('\n').sort(), { cwd: path });
  await root.write('DEBIAN/control', control.replace('@VERSION@', version).replace('@SIZE@', size));
  await root.write('DEBIAN/md5sums', sums);
  const there = await readdir(folder);
  for (const name of SCRIPTS.filter((script) => there.includes(script))) {
    await root.copy(join(folder, name), `DEBIAN/${name}`);
  }
}

/** Whatever umask and modes this repository was checked out with: what begins with `#!` is run. */
async function setModes(root: string): Promise<void> {
  await run('chmod', ['-R', 'u=rwX,go=rX', root]);
  for (const path of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (!path.isFile()) continue;
    const file = join(path.parentPath, path.name);
    const isRun = (await readFile(file)).subarray(0, 2).toString() === '#!';
    await chmod(file, isRun ? 0o755 : 0o644);
  }
}
