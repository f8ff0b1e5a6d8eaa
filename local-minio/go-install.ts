import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fail } from '../protocol/errors.ts';

/** A line for the person who waits. */
export type Say = (line: string) => void;

/** A program that Go can build. */
export interface GoProgram {
  /** e.g. `MinIO` */
  readonly title: string;
  /** package and version, as `go install` takes them */
  readonly module: string;
  /** How long it takes on two cores. */
  readonly takes: string;
}

/**
 * Builds a program with `go install`, and puts it at `path` once it is whole.
 * @param go the Go toolchain
 * @throws probe_failed with what Go said
 */
export async function goInstall(
  go: string,
  { title, module, takes }: GoProgram,
  path: string,
  say: Say,
): Promise<void> {
  const folder = dirname(path);
  // Go writes the file in place: half a build must not look like the program.
  const staging = join(folder, 'building');
  await rm(staging, { recursive: true, force: true });
  await mkdir(staging, { recursive: true });
  const start = Date.now();
  const elapsed = (): string => `${Math.round((Date.now() - start) / 1000)} s`;
  say(`building ${title} (go install ${module}): about ${takes}, once; it is kept in ${folder}`);
  const progress = setInterval(() => say(`still building, ${elapsed()}`), 15_000);
  try {
    await run(go, module, staging);
    await rename(join(staging, basename(path)), path);
  } finally {
    clearInterval(progress);
    await rm(staging, { recursive: true, force: true });
  }
  say(`built ${path} in ${elapsed()}`);
}

async function run(go: string, module: string, folder: string): Promise<void> {
  const child = spawn(go, ['install', module], {
    env: { ...process.env, GOBIN: folder },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-1000);
  });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) {
    throw fail('probe_failed', `go install ${module} failed: ${said.trim() || `exit ${code!}`}`);
  }
}
