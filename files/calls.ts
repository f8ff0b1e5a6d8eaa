import * as fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** What is asked of the system here, as `node:fs` has it. */
interface Calls {
  close(fd: number): void;
  fchmod(fd: number, mode: number): void;
  fchown(fd: number, uid: number, gid: number): void;
  fstat(fd: number): fs.Stats;
  fsync(fd: number): void;
  link(path: string, other: string): void;
  mkdir(path: string, options: { recursive: true; mode: number }): string | undefined;
  open(path: string, flags: number, mode?: number): number;
  read(fd: number, to: Uint8Array, offset: number, length: number, position: number): number;
  readdir(path: string): string[];
  rename(from: string, to: string): void;
  rmdir(path: string): void;
  unlink(path: string): void;
  write(fd: number, content: Uint8Array, offset: number): number;
}
type Step = readonly [name: keyof Calls | 'pause', args: readonly unknown[]];

/**
 * A piece of work on files that is written once, and done by {@link now} or by {@link later}: the
 * agent can do nothing else meanwhile, and a server must.
 */
export type Steps<T> = Generator<Step, T, unknown>;

/** One call to the system, and what it gives. @throws what the system says, as Node does */
export function* call<Name extends keyof Calls>(
  name: Name,
  ...args: Parameters<Calls[Name]>
): Steps<ReturnType<Calls[Name]>> {
  return (yield [name, args]) as ReturnType<Calls[Name]>;
}

/** Does nothing for a while. */
export function* pause(milliseconds: number): Steps<void> {
  yield ['pause', [milliseconds]];
}

/** Does the work before it returns; nothing else happens in this process meanwhile. */
export function now<T>(steps: Steps<T>): T {
  for (let next = steps.next(); ;) {
    if (next.done) return next.value;
    let answer: unknown;
    try {
      answer = callNow(next.value);
    } catch (error) {
      next = steps.throw(error);
      continue;
    }
    next = steps.next(answer);
  }
}

/** Does the work on other threads: a disk that is slow or hangs holds up nobody else. */
export async function later<T>(steps: Steps<T>): Promise<T> {
  for (let next = steps.next(); ;) {
    if (next.done) return next.value;
    let answer: unknown;
    try {
      answer = await callLater(next.value);
    } catch (error) {
      next = steps.throw(error);
      continue;
    }
    next = steps.next(answer);
  }
}

type Functions = Readonly<Record<string, (...args: unknown[]) => unknown>>;
/** Looked up at each call: a test may have put another in its place. */
const functions = fs as unknown as Functions;

function callNow([name, args]: Step): unknown {
  if (name !== 'pause') return functions[`${name}Sync`]!(...args);
  return Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, args[0] as number);
}

/** They touch no disk by then, and a trip to another thread costs more (docs/adr/0092). */
const AT_ONCE: readonly string[] = ['fstat', 'close'];

function callLater(step: Step): unknown {
  const [name, args] = step;
  if (name === 'pause') return sleep(args[0] as number);
  if (AT_ONCE.includes(name)) return callNow(step);
  return new Promise((resolve, reject) => {
    functions[name]!(...args, (error: Error | null, answer: unknown) =>
      error === null ? resolve(answer) : reject(error),
    );
  });
}
