import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { buildImage } from '../../image/build.ts';
import { readOptions } from '../../image/options.ts';
import type { Say } from '../../packaging/run.ts';
import { cli } from './programs.ts';

/** An image, and the site that its machines trust. */
export interface TestImage {
  /** The administrator's folder */
  readonly home: string;
  /** Where the image is */
  readonly folder: string;
}

/** Where the server is, for every machine of these tests. */
export const SERVER = 'http://10.77.0.1:8420';
/** What an image is made from: another one is built when any of these changes. */
const INPUTS = [
  'image',
  'packaging',
  'tests/pxe/their-image.ts',
  'agent/units',
  'dist/coatcheck-agent.mjs',
];

/** Makes the image of a site into a new folder. */
export type MakeImage = (site: { home: string; key: string }, folder: string) => Promise<void>;

/**
 * The image of these tests, from the cache where it was built before from the same inputs. A key that
 * machines derive theirs from is in it.
 */
export const testImage = (say: Say): Promise<TestImage> =>
  keptImage('image', async ({ home, key }, out) => {
    const args = ['--site', join(home, 'site.json'), '--image-key', key, '--out', out, '--no-iso'];
    await buildImage(readOptions(args, {}, Math.floor(Date.now() / 1000))!, say);
  });

/** An image of a kind, from the cache where it was built before; of each kind one is kept. */
export async function keptImage(kind: string, make: MakeImage): Promise<TestImage> {
  const hash = createHash('sha256');
  for (const input of INPUTS) addTo(hash, input);
  const images = resolve(process.env['COATCHECK_CACHE'] ?? '.cache', 'test-images', kind);
  const folder = join(images, hash.digest('hex').slice(0, 32));
  const made = { home: join(folder, 'site'), folder: join(folder, 'image') };
  if (existsSync(folder)) return made;
  rmSync(images, { recursive: true, force: true });
  const work = join(images, 'unfinished');
  mkdirSync(work, { recursive: true });
  const [home, key] = [join(work, 'site'), join(work, 'image-key')];
  await cli('coatcheck', ['--home', home, '--server', SERVER, 'init', '--no-passphrase']);
  await cli('coatcheck-agent', ['key', 'make', 'image', key]);
  await make({ home, key }, join(work, 'image'));
  renameSync(work, folder);
  return made;
}

function addTo(hash: ReturnType<typeof createHash>, path: string): void {
  if (statSync(path).isDirectory()) {
    for (const name of readdirSync(path).sort()) addTo(hash, join(path, name));
  } else hash.update(`${path}\0`).update(readFileSync(path));
}
