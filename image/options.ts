import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { readDate } from '../packaging/date.ts';
import { fail } from '../protocol/errors.ts';
import { sealedArguments } from './boot-files.ts';

/** What an image is made of. Paths are whole. */
export interface ImageOptions {
  /** The site that its machines trust. */
  readonly site: string;
  /** Where the image is put: a new folder, or one that an image is in. */
  readonly out: string;
  /** What is in it beside the agent: a Debian with systemd, or BusyBox alone. */
  readonly flavour: 'systemd' | 'busybox';
  /** The agent's one file. */
  readonly agent: string;
  /** For `coatcheck.key=image`. */
  readonly imageKey?: string;
  /** Debian packages beside those that every image has. */
  readonly packages: readonly string[];
  /** A folder that is copied over the image's root. */
  readonly files?: string;
  /** A program that is run with the image's root folder as its argument before that is packed. */
  readonly hook?: string;
  /** The package of the kernel. */
  readonly kernel: string;
  /** Which of its modules the image has: what servers have, or all. */
  readonly drivers: 'server' | 'all';
  /** Whether Debian's non-free firmware is in it. */
  readonly firmware: boolean;
  /** Kernel arguments behind `stateless`. */
  readonly append: string;
  readonly mirror: string;
  /** Of the image: 1 to 64 letters, digits and `._-` */
  readonly version: string;
  /** Of the image, seconds since 1970: no file in it is newer. */
  readonly date: number;
  readonly iso: boolean;
  /** Whether kernel, initramfs and command line are one file, to be signed. */
  readonly uki: boolean;
  /** With `uki`: systemd's stub, instead of the one of the image's Debian. */
  readonly stub?: string;
  /** Whether packages are fetched anew though they are in the cache. */
  readonly refresh: boolean;
}

/** How the command is called. */
export const HELP = `npm run image -- [OPTIONS]    builds what a machine without a disk boots; as root

  --site FILE        the site that its machines trust (coatcheck-site/site.json)
  --out FOLDER       where the image is put (coatcheck-image)
  --flavour WHICH    systemd: a Debian; or busybox: small, without systemd and ssh (systemd)
  --image-key FILE   the key of coatcheck.key=image, made by coatcheck-agent key make image
  --package NAME     a Debian package more; may be given several times
  --files FOLDER     copied over the image's root; everything in it belongs to root
  --hook FILE        a program, run with the image's root folder as its argument before that is packed
  --kernel PACKAGE   (linux-image-amd64) for virtual machines alone: linux-image-cloud-amd64
  --drivers WHICH    server: all but sound, media, graphics and wireless; or all (server)
  --firmware         with Debian's non-free firmware, which many network cards need
  --append TEXT      kernel arguments behind "stateless" (with --image-key: ip=dhcp coatcheck.key=image;
                     without: ip=dhcp coatcheck.key=tpm coatcheck.memory=tpm)
  --mirror URL       where Debian's packages are (http://deb.debian.org/debian)
  --version TEXT     of the image (its date: 20261129)
  --no-iso           no ISO
  --uki              kernel, initramfs and arguments in one file for Secure Boot, which
                     coatcheck image sign signs; nothing else is made
  --stub FILE        with --uki: systemd's stub, instead of the one of the image's Debian 13
  --agent FILE       the agent (dist/coatcheck-agent.mjs)
  --refresh          fetch packages anew; otherwise those fetched before serve again

SOURCE_DATE_EPOCH, seconds since 1970, is the date of the image; otherwise now.`;

/**
 * Reads the words after `npm run image --`, and looks whether the files are there.
 * @param now seconds since 1970, where the environment names no date
 * @returns undefined where the help was asked for
 * @throws usage, naming the option; file_missing; file_malformed for a stub
 */
export function readOptions(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  now: number,
): ImageOptions | undefined {
  const values = valuesOf(args);
  if (values.help) return undefined;
  const date = readDate(env, now);
  const day = new Date(date * 1000).toISOString().slice(0, 10).replaceAll('-', '');
  const version = matching('--version', values.version ?? day, /^[A-Za-z0-9._-]{1,64}$/, VERSION);
  const drivers = values.drivers;
  if (drivers !== 'server' && drivers !== 'all') throw usage('--drivers is server or all');
  const flavour = values.flavour;
  if (flavour !== 'systemd' && flavour !== 'busybox') {
    throw usage(`--flavour is systemd or busybox, and not ${JSON.stringify(flavour)}`);
  }
  if (flavour === 'busybox' && values.package.length > 0) {
    throw usage(
      '--package is for --flavour systemd: the small one has no packages, but takes --files',
    );
  }
  for (const name of values.package) matching('--package', name, DEBIAN, 'a name of a package');
  matching('--kernel', values.kernel, DEBIAN, 'a name of a package');
  const append = values.append ?? (values['image-key'] === undefined ? TPM : IMAGE_KEY);
  if (/["'\n\r]|[^\x20-\x7e]/.test(append)) {
    throw usage('--append is one line of kernel arguments, without quotes');
  }
  if (values.uki) checkSealed(append, values['no-iso']);
  else if (values.stub !== undefined) throw usage('--stub is for --uki: no other image has one');
  if (!/^https?:\/\/[^\s"']+$/.test(values.mirror)) throw usage('--mirror is an http(s) address');
  return {
    site: file('--site', values.site, 'make a site with coatcheck init'),
    agent: file('--agent', values.agent, 'npm run build makes it'),
    ...{ out: resolve(values.out), flavour },
    ...(values['image-key'] !== undefined && {
      imageKey: file(
        '--image-key',
        values['image-key'],
        'coatcheck-agent key make image makes one',
      ),
    }),
    ...(values.files !== undefined && { files: folder('--files', values.files) }),
    ...(values.hook !== undefined && { hook: program('--hook', values.hook) }),
    ...{ packages: values.package, kernel: values.kernel, drivers, firmware: values.firmware },
    ...{ append: append.trim(), mirror: values.mirror, version, date },
    ...{ iso: !values['no-iso'] && !values.uki, uki: values.uki, refresh: values.refresh },
    ...(values.stub !== undefined && { stub: stub(values.stub) }),
  };
}

/** How a machine comes by its key, where the caller does not say. */
const TPM = 'ip=dhcp coatcheck.key=tpm coatcheck.memory=tpm';
const IMAGE_KEY = 'ip=dhcp coatcheck.key=image';
/** Debian Policy, 5.6.7 */
const DEBIAN = /^[a-z0-9][a-z0-9+.-]+$/;
const VERSION = '1 to 64 letters, digits, dots, hyphens, underscores';

/** The kernel's own limit on x86, without the end of the text (COMMAND_LINE_SIZE): it cuts off the rest. */
const MAX_ARGUMENTS = 2047;

/** @throws usage for what an image that is signed cannot have */
function checkSealed(append: string, isWithoutIso: boolean): void {
  if (isWithoutIso) {
    throw usage(
      '--no-iso: with --uki none is made; coatcheck image sign makes one where it is told --iso',
    );
  }
  if (/(^| )(coatcheck\.key=credential|systemd\.import_credentials=\S*)( |$)/.test(append)) {
    throw usage(
      '--append: with --uki a machine takes no credentials from outside, which nobody signed: its key is of a TPM, a stick or the image',
    );
  }
  const { length } = sealedArguments(append);
  if (length > MAX_ARGUMENTS) {
    throw usage(
      `--append: the kernel takes ${MAX_ARGUMENTS} characters of arguments, and these are ${length} with its own`,
    );
  }
}

function valuesOf(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        site: { type: 'string', default: join('coatcheck-site', 'site.json') },
        out: { type: 'string', default: 'coatcheck-image' },
        agent: { type: 'string', default: join('dist', 'coatcheck-agent.mjs') },
        flavour: { type: 'string', default: 'systemd' },
        'image-key': { type: 'string' },
        package: { type: 'string', multiple: true, default: [] },
        files: { type: 'string' },
        hook: { type: 'string' },
        kernel: { type: 'string', default: 'linux-image-amd64' },
        drivers: { type: 'string', default: 'server' },
        firmware: { type: 'boolean', default: false },
        append: { type: 'string' },
        mirror: { type: 'string', default: 'http://deb.debian.org/debian' },
        version: { type: 'string' },
        'no-iso': { type: 'boolean', default: false },
        uki: { type: 'boolean', default: false },
        stub: { type: 'string' },
        refresh: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    return values;
  } catch (error) {
    throw usage(error instanceof Error ? error.message : String(error));
  }
}

function matching(option: string, value: string, form: RegExp, is: string): string {
  if (!form.test(value)) throw usage(`${option} ${JSON.stringify(value)} is not ${is}`);
  return value;
}

function file(option: string, path: string, todo: string): string {
  if (!statSync(path, { throwIfNoEntry: false })?.isFile()) {
    throw fail('file_missing', `${option}: there is no file ${path}: ${todo}`);
  }
  return resolve(path);
}

function folder(option: string, path: string): string {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
    throw fail('file_missing', `${option}: there is no folder ${path}`);
  }
  return resolve(path);
}

function program(option: string, path: string): string {
  const whole = file(option, path, 'give a program');
  try {
    accessSync(whole, constants.X_OK);
  } catch {
    throw usage(`${option}: ${path} is not executable: chmod +x ${path}`);
  }
  return whole;
}

/** By what systemd-stub(7) says of itself in its section `.sdmagic`. */
function stub(path: string): string {
  const whole = file('--stub', path, "Debian's systemd-boot-efi has one");
  if (readFileSync(whole).includes('#### LoaderInfo: systemd-stub ')) return whole;
  throw fail('file_malformed', `--stub: ${path} is no stub of systemd`);
}

const usage = (message: string): Error =>
  fail('usage', `${message}: npm run image -- --help has every option`);
