import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { errnoOf } from './errors.ts';
import { fail } from '../protocol/errors.ts';

/** A line for the person who waits. */
export type Say = (line: string) => void;

/** How a program is run. */
export interface Running {
  readonly cwd?: string;
  /** Beside the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** What it reads from `/dev/stdin`, which is a pipe then: a secret that is in no file */
  readonly input?: Uint8Array;
}

/** Debian's package of each program that an image, or a package, is built or signed with. */
const PACKAGE_OF: Readonly<Record<string, string>> = {
  mmdebstrap: 'mmdebstrap',
  tar: 'tar',
  cpio: 'cpio',
  zstd: 'zstd',
  depmod: 'kmod',
  chroot: 'coreutils',
  'dpkg-deb': 'dpkg',
  'grub-mkrescue': 'grub-common grub-pc-bin grub-efi-amd64-bin mtools xorriso',
  objcopy: 'binutils',
  openssl: 'openssl',
  'cert-to-efi-sig-list': 'efitools',
  'sign-efi-sig-list': 'efitools',
  sbsign: 'sbsigntool',
  sbverify: 'sbsigntool',
  mformat: 'mtools',
  mmd: 'mtools',
  mcopy: 'mtools',
  xorriso: 'xorriso',
};

/** Node's own pipes are sockets, which no program opens by a path. */
const PIPED = 'cat | exec "$@"';
/** Of a shell that finds no such program (POSIX, 2.8.2). */
const NOT_FOUND = 127;

/**
 * Runs a program to its end.
 * @returns what it wrote to stdout, text
 * @throws probe_failed where it is missing, with the package that has it; or where it fails, with the end
 *   of what it said
 */
export async function run(
  program: string,
  args: readonly string[],
  { cwd, env, input }: Running = {},
): Promise<string> {
  const [first, ...rest] =
    input === undefined ? [program, ...args] : ['sh', '-c', PIPED, 'sh', program, ...args];
  const child = spawn(first, rest, {
    ...(cwd === undefined ? {} : { cwd }),
    env: { ...process.env, LC_ALL: 'C', ...env },
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  // A program that ends before it has read all says why itself.
  child.stdin?.on('error', () => undefined).end(input);
  const [out, err]: [Buffer[], Buffer[]] = [[], []];
  child.stdout!.on('data', (part: Buffer) => out.push(part));
  child.stderr!.on('data', (part: Buffer) => err.push(part));
  const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  const [status, signal] = await ended.catch((error: unknown) => {
    if (errnoOf(error) !== 'ENOENT') throw error;
    throw missing(program);
  });
  if (input !== undefined && status === NOT_FOUND) throw missing(program);
  if (status === 0) return Buffer.concat(out).toString();
  const said = Buffer.concat(err).toString().trimEnd().split('\n').slice(-15).join('\n');
  throw fail('probe_failed', `${program} ended with ${status ?? signal}:\n${said}`);
}

function missing(program: string): Error {
  const from = PACKAGE_OF[program];
  const todo = from === undefined ? '' : `: apt-get install ${from}`;
  return fail('probe_failed', `there is no ${program}${todo}`);
}
