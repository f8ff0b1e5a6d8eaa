import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { join, resolve } from 'node:path';
import { buildImage } from '../../image/build.ts';
import { LOADER_FILES } from '../../image/loaders.ts';
import { readOptions } from '../../image/options.ts';
import { errnoOf } from '../../files/errors.ts';
import type { Say } from '../../files/run-program.ts';
import { cli, must } from './programs.ts';

/** An image, and the site that its machines trust. */
export interface TestImage {
  /** The administrator's folder, which is not to be changed */
  readonly home: string;
  /** Where the image is */
  readonly folder: string;
  /** Whose owner may log in as root, by SSH, to machines whose image has `files` */
  readonly sshKey: string;
  /** What `npm run image` is given */
  readonly args: readonly string[];
  /** When it was made, seconds since 1970 */
  readonly date: number;
}

/** Where the server is, for every machine of these tests. */
export const SERVER = 'http://10.77.0.1:8420';
/** A stub of systemd for images that are signed, instead of the one of their Debian: a path. */
const STUB = process.env['COATCHECK_STUB'];
/** What an image is made from: another one is built when any of these changes. */
const INPUTS = [
  'image',
  'cli/image',
  'packaging',
  'tests/pxe/image.ts',
  'tests/pxe/their-image.ts',
  'agent/units',
  'dist/coatcheck-agent.mjs',
  // The agent's package has these in it.
  ...['package.json', 'CHANGELOG.md', 'LICENSE', 'docs/man'],
];
const KEPT = 2;
/** What was used within this time may be in use by another run. */
const IN_USE_MILLISECONDS = 60 * 60 * 1000;

/** What an image is made of, in a folder that it stays in. */
export interface Ingredients {
  readonly home: string;
  /** Of `coatcheck.key=image` */
  readonly key: string;
  /** A folder for the image's root, by which the tests log in */
  readonly files: string;
  /** Seconds since 1970 */
  readonly date: number;
}

/** Makes an image into a new folder. */
export type MakeImage = (of: Ingredients, folder: string) => Promise<void>;

/**
 * The image of these tests, from the cache where it was built before from the same inputs. A key that
 * machines derive theirs from is in it, and one of SSH.
 */
export const testImage = (say: Say): Promise<TestImage> =>
  keptImage('image', async (of, out) => {
    await buildImage(readOptions([...argsOf(of), '--out', out], {}, of.date)!, say);
  });

/** The same without systemd and SSH, which starts in half of the time. */
export const smallImage = (say: Say): Promise<TestImage> =>
  keptImage('busybox', async ({ home, key, date }, out) => {
    const args = ['--site', join(home, 'site.json'), '--image-key', key, '--out', out];
    await buildImage(readOptions([...args, '--flavour', 'busybox', '--no-iso'], {}, date)!, say);
  });

/** More of the kernel's arguments: an emulated timer is late at times; a machine that panics is off then. */
export const EMULATED = 'no_timer_check panic=-1';

/**
 * The same in one file that is signed, as a disc too, by keys in the administrator's folder. Its kernel is that of
 * virtual machines: firmware in software emulation takes a third of a second for each MB.
 */
export const signedImage = (say: Say): Promise<TestImage> =>
  keptImage('signed', (of, out) => makeSigned(of, out, ['--flavour', 'busybox'], say));

/** The same with systemd and SSH. */
export const signedSystemdImage = (say: Say): Promise<TestImage> =>
  keptImage('signed-systemd', (of, out) => makeSigned(of, out, ['--files', of.files], say));

async function makeSigned(
  { home, key, date }: Ingredients,
  out: string,
  flavour: readonly string[],
  say: Say,
): Promise<void> {
  await cli('coatcheck', ['--home', home, 'image', 'keys', '--no-passphrase']);
  const of = ['--site', join(home, 'site.json'), '--image-key', key, '--out', out, ...flavour];
  const one = ['--kernel', 'linux-image-cloud-amd64', '--uki'];
  const append = ['--append', `ip=dhcp coatcheck.key=image ${EMULATED}`];
  const stub = STUB === undefined ? [] : ['--stub', STUB];
  await buildImage(readOptions([...of, ...one, ...append, ...stub], {}, date)!, say);
  const [unsigned, signed, iso] = ['unsigned.efi', 'efi', 'iso'].map((ending) =>
    join(out, `coatcheck.${ending}`),
  );
  const sign = ['--home', home, 'image', 'sign', unsigned!, signed!, '--iso', iso!];
  await cli('coatcheck', sign);
}

const argsOf = ({ home, key, files }: Omit<Ingredients, 'date'>): string[] => [
  ...['--site', join(home, 'site.json'), '--image-key', key, '--files', files],
];

const images = new Map<string, Promise<TestImage>>();

/** An image of a kind, from the cache where it was built before; the same as long as this runs, whatever changes. */
export function keptImage(kind: string, make: MakeImage): Promise<TestImage> {
  const image = images.get(kind) ?? findImage(kind, make);
  images.set(kind, image);
  return image;
}

async function findImage(kind: string, make: MakeImage): Promise<TestImage> {
  const hash = createHash('sha256');
  // The machine's own boot loaders are beside an image.
  const loaders = LOADER_FILES.map((file) => join('/', file)).filter((file) => fs.existsSync(file));
  const stubs = STUB === undefined ? [] : [STUB];
  for (const input of [...INPUTS, ...loaders, ...stubs]) addTo(hash, input);
  const cache = resolve(process.env['COATCHECK_CACHE'] ?? '.cache', 'test-images', kind);
  const folder = join(cache, hash.digest('hex').slice(0, 32));
  fs.mkdirSync(cache, { recursive: true });
  if (!fs.existsSync(folder)) {
    removeOld(cache);
    await makeKept(folder, make);
  }
  fs.utimesSync(folder, new Date(), new Date());
  const of = ingredientsIn(folder);
  const date = Math.floor(fs.statSync(of.files).mtimeMs / 1000);
  const at = (name: string): string => join(folder, name);
  return { ...of, folder: at('image'), sshKey: at('ssh-key'), args: argsOf(of), date };
}

const ingredientsIn = (folder: string): Omit<Ingredients, 'date'> => ({
  home: join(folder, 'site'),
  key: join(folder, 'image-key'),
  files: join(folder, 'files'),
});

async function makeKept(folder: string, make: MakeImage): Promise<void> {
  const work = fs.mkdtempSync(`${folder}.building-`);
  const { home, key, files } = ingredientsIn(work);
  const sshKey = join(work, 'ssh-key');
  try {
    await cli('coatcheck', ['--home', home, '--server', SERVER, 'init', '--no-passphrase']);
    await cli('coatcheck-agent', ['key', 'make', 'image', key]);
    await must(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', sshKey]);
    fs.mkdirSync(join(files, 'root/.ssh'), { recursive: true, mode: 0o700 });
    fs.copyFileSync(`${sshKey}.pub`, join(files, 'root/.ssh/authorized_keys'));
    const date = Math.floor(Date.now() / 1000);
    fs.utimesSync(files, date, date);
    await make({ home, key, files, date }, join(work, 'image'));
    try {
      fs.renameSync(work, folder);
    } catch (error) {
      // Another run was quicker.
      if (errnoOf(error) !== 'ENOTEMPTY') throw error;
    }
  } finally {
    fs.rmSync(work, { recursive: true, force: true });
  }
}

/** Those that were used last stay: whoever works on two branches builds less often. */
function removeOld(images: string): void {
  const now = Date.now();
  const used = fs
    .readdirSync(images)
    .map((name) => ({ path: join(images, name), at: usedAt(join(images, name)) }))
    .sort((a, b) => b.at - a.at);
  for (const { path, at } of used.slice(KEPT - 1)) {
    if (now - at > IN_USE_MILLISECONDS) fs.rmSync(path, { recursive: true, force: true });
  }
}

/** When, in milliseconds since 1970; now, where another run has just removed it. */
const usedAt = (folder: string): number =>
  fs.statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();

function addTo(hash: ReturnType<typeof createHash>, path: string): void {
  if (fs.statSync(path).isDirectory()) {
    for (const name of fs.readdirSync(path).sort()) addTo(hash, join(path, name));
  } else hash.update(`${path}\0`).update(fs.readFileSync(path));
}
