import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rename } from 'node:fs/promises';
import { rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { run } from '../../files/run-program.ts';

/** What a Debian package of the agent is made of. */
export interface DebOptions {
  /** The agent's one file */
  readonly agent: string;
  /** The folder that the package is put into, made where it is missing */
  readonly out: string;
  /** Seconds since 1970: no file in the package is newer. The same inputs give the same bytes. */
  readonly date: number;
}

const NAME = 'coatcheck-agent';
const HOME = 'usr/lib/coatcheck';
const UNITS = join('agent', 'units');
const GENERATOR = 'coatcheck-generator';

/** Where each file of this repository goes. */
const FILES: Readonly<Record<string, string>> = {
  ...besides('initramfs', `${HOME}/initramfs`, 'contents', 'systemd-notify', 'until-applied'),
  ...besides(
    'dracut',
    'usr/lib/dracut/modules.d/90coatcheck',
    'module-setup.sh',
    'network.sh',
    'pre-pivot.sh',
  ),
  'packaging/initramfs-tools/hook': 'usr/share/initramfs-tools/hooks/coatcheck',
  'packaging/initramfs-tools/script': 'usr/share/initramfs-tools/scripts/init-bottom/coatcheck',
  [`${UNITS}/${GENERATOR}`]: `usr/lib/systemd/system-generators/${GENERATOR}`,
};
/** What Debian calls maintainer scripts, beside this module. */
const SCRIPTS = ['postinst', 'prerm', 'postrm'];
/** Where each shell looks for what completes a program's command lines. */
const COMPLETIONS: Readonly<Record<string, string>> = {
  bash: `usr/share/bash-completion/completions/${NAME}`,
  zsh: `usr/share/zsh/vendor-completions/_${NAME}`,
  fish: `usr/share/fish/vendor_completions.d/${NAME}.fish`,
};

function besides(folder: string, target: string, ...names: string[]): Record<string, string> {
  return Object.fromEntries(
    names.map((name) => [`packaging/${folder}/${name}`, join(target, name)]),
  );
}

/**
 * Builds the Debian package of the agent: its one file, units, manual, completions, and what puts it into
 * an initramfs. `etc/coatcheck` is there and empty.
 * @returns its path, `<out>/coatcheck-agent_<version>_all.deb`
 * @throws probe_failed with what a program said
 */
export async function buildDeb({ agent, out, date }: DebOptions): Promise<string> {
  const { version: ours } = JSON.parse(await readFile('package.json', 'utf8')) as {
    version: string;
  };
  // 1.0.0-rc.1 is before 1.0.0: in deb-version(7) a hyphen would say something else.
  const version = ours.replaceAll('-', '~');
  await mkdir(out, { recursive: true });
  const work = await mkdtemp(join(out, '.deb-'));
  try {
    const root = join(work, 'root');
    await putFiles(root, agent);
    await putChanges(root, version, date);
    await putControl(root, version);
    await setModes(root);
    const unfinished = join(work, 'unfinished.deb');
    const env = { SOURCE_DATE_EPOCH: String(date) };
    await run('find', [root, '-exec', 'touch', '-h', '-d', `@${date}`, '{}', '+']);
    await run('dpkg-deb', ['--root-owner-group', '-Zxz', '--build', root, unfinished], { env });
    const made = join(out, `${NAME}_${version}_all.deb`);
    await rename(unfinished, made);
    return made;
  } finally {
    await rm(work, { recursive: true });
  }
}

async function putFiles(root: string, agent: string): Promise<void> {
  const copy = async (from: string, to: string): Promise<void> => {
    await mkdir(dirname(join(root, to)), { recursive: true });
    await copyFile(from, join(root, to));
  };
  const write = async (to: string, content: string | Buffer): Promise<void> => {
    await mkdir(dirname(join(root, to)), { recursive: true });
    await writeFile(join(root, to), content);
  };
  await copy(agent, `${HOME}/${NAME}.mjs`);
  for (const [from, to] of Object.entries(FILES)) await copy(from, to);
  for (const unit of await readdir(UNITS)) {
    if (unit !== GENERATOR) await copy(join(UNITS, unit), `usr/lib/systemd/system/${unit}`);
  }
  for (const [shell, to] of Object.entries(COMPLETIONS)) {
    await write(to, await run(process.execPath, [agent, 'completion', shell]));
  }
  await write(`usr/share/man/man1/${NAME}.1.gz`, zipped(await readFile(`docs/man/${NAME}.1`)));
  await copy('packaging/deb/copyright', `usr/share/doc/${NAME}/copyright`);
  await mkdir(join(root, 'usr/bin'));
  await symlink(`../lib/coatcheck/${NAME}.mjs`, join(root, 'usr/bin', NAME));
  await mkdir(join(root, 'etc/coatcheck'), { recursive: true });
}

/** Ours, and what Debian's tools read: deb-changelog(5). */
async function putChanges(root: string, version: string, date: number): Promise<void> {
  const at = (name: string): string => join(root, `usr/share/doc/${NAME}`, name);
  const day = new Date(date * 1000).toUTCString().replace('GMT', '+0000');
  const maintainer = /^Maintainer: (.*)$/m.exec(
    await readFile('packaging/deb/control', 'utf8'),
  )![1]!;
  const said = `  * ${at('CHANGELOG.md.gz').slice(root.length)} has what changed.`;
  const entry = `${NAME} (${version}) unstable; urgency=medium\n\n${said}\n\n -- ${maintainer}  ${day}\n`;
  await writeFile(at('changelog.gz'), zipped(Buffer.from(entry)));
  await writeFile(at('CHANGELOG.md.gz'), zipped(await readFile('CHANGELOG.md')));
}

/** Without a name and a date in it (RFC 1952), as Debian Policy has it. */
const zipped = (content: Buffer): Buffer => gzipSync(content, { level: 9 });

async function putControl(root: string, version: string): Promise<void> {
  const size = (await run('du', ['-sk', '--apparent-size', root])).split('\t')[0]!;
  const files = (await run('find', ['.', '-type', 'f', '-printf', '%P\\n'], { cwd: root })).trim();
  const sums = await run('md5sum', files.split('\n').sort(), { cwd: root });
  await mkdir(join(root, 'DEBIAN'));
  const control = await readFile('packaging/deb/control', 'utf8');
  await writeFile(
    join(root, 'DEBIAN/control'),
    control.replace('@VERSION@', version).replace('@SIZE@', size),
  );
  await writeFile(join(root, 'DEBIAN/md5sums'), sums);
  for (const name of SCRIPTS) await copyFile(`packaging/deb/${name}`, join(root, 'DEBIAN', name));
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
