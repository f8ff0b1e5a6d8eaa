import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import type { Answer, Call } from './calls.ts';

/** The layout of `struct control` in faults.c. */
const CONTROL_BYTES = 1036;
const ACTIONS = ['nothing', 'kill before', 'kill after', 'kill halfway', 'fail', 'hide'] as const;

/** What is to happen at a system call. */
export interface Fault {
  readonly action: (typeof ACTIONS)[number];
  /** The call that it happens at, counted from 1. */
  readonly at: number;
  /** With every later call too, until there is another plan. */
  readonly lasts?: boolean;
  /** with `fail`, e.g. `EIO` */
  readonly errno?: keyof typeof constants.errno;
  /** with `hide`: the folder that is renamed to `<folder>.away` */
  readonly folder?: string;
}

/** A store in a process whose system calls are counted, and fail on demand. */
export interface StoreUnderFault {
  /** Undefined if the process died of it. */
  ask(call: Call): Promise<Answer | undefined>;
  /** Counts calls from 1 again, and does this at one of them. */
  plan(fault?: Fault): void;
  /** The calls since the last plan, each `call path`. */
  calls(): string[];
  /** Lets the process end, if it has not. */
  end(): Promise<void>;
}

export interface Tools {
  readonly folder: string;
  /** @param store in a folder, made here, that nothing else is in */
  start(store: string, options?: StartOptions): StoreUnderFault;
  remove(): void;
}

export interface StartOptions {
  readonly fault?: Fault;
  /** Count calls that only read, too. */
  readonly reads?: boolean;
  /** Also have strace write `<this>.<thread>`. */
  readonly strace?: string;
}

/** Compiles faults.c and bundles store-child.ts: what a start then takes is Node's own time. */
export async function buildTools(): Promise<Tools> {
  const folder = fs.mkdtempSync(join(tmpdir(), 'coatcheck-crash-'));
  const library = join(folder, 'faults.so');
  const source = join(import.meta.dirname, 'faults.c');
  execFileSync('gcc', ['-O1', '-shared', '-fPIC', '-o', library, source, '-ldl']);
  const program = join(folder, 'child.mjs');
  await build({
    entryPoints: [join(import.meta.dirname, 'store-child.ts')],
    outfile: program,
    bundle: true,
    platform: 'node',
    target: 'node20.19',
    format: 'esm',
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
    logLevel: 'error',
  });
  return {
    folder,
    start: (store, options = {}) => start({ folder, library, program }, store, options),
    remove: () => fs.rmSync(folder, { recursive: true, force: true }),
  };
}

let started = 0;

function start(
  tools: { folder: string; library: string; program: string },
  store: string,
  options: StartOptions,
): StoreUnderFault {
  fs.mkdirSync(dirname(store), { recursive: true });
  const control = join(tools.folder, `control-${++started}`);
  const log = join(tools.folder, `log-${started}`);
  fs.writeFileSync(log, '');
  fs.writeFileSync(control, new Uint8Array(CONTROL_BYTES));
  const controlFile = fs.openSync(control, 'r+');
  const plan = (fault: Fault = { action: 'nothing', at: 0 }): void => {
    fs.truncateSync(log);
    fs.writeSync(controlFile, encodeFault(fault, options.reads ?? false), 0, CONTROL_BYTES, 0);
  };
  plan(options.fault);

  const node = [process.execPath, tools.program, store];
  const faults = {
    LD_PRELOAD: tools.library,
    FAULTS_BELOW: dirname(store),
    FAULTS_CONTROL: control,
    FAULTS_LOG: log,
  };
  const [command, ...args] = options.strace ? [...straceOf(options.strace, faults), ...node] : node;
  const child = spawn(command!, args, {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: {
      PATH: process.env['PATH'],
      // File calls past libc would be seen by nobody.
      UV_USE_IO_URING: '0',
      ...(options.strace ? {} : faults),
    },
  });
  const exit = once(child, 'exit');
  child.stdin.on('error', () => undefined); // It died: `ask` says so.
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  return {
    plan,
    async ask(call) {
      child.stdin.write(`${JSON.stringify(call)}\n`);
      const line = await lines.next();
      return line.done ? undefined : (JSON.parse(line.value) as Answer);
    },
    calls: () => fs.readFileSync(log, 'utf8').split('\n').slice(0, -1),
    async end() {
      child.stdin.end();
      await exit;
      fs.closeSync(controlFile);
      fs.rmSync(control);
      fs.rmSync(log);
    },
  };
}

/** One log for each thread (`-ff`), so that no call is cut in two by another's. */
function straceOf(log: string, env: Readonly<Record<string, string>>): string[] {
  const preload = Object.entries(env).flatMap(([name, value]) => ['-E', `${name}=${value}`]);
  const calls = 'trace=%file,write,pwrite64,writev,fsync,fdatasync,ftruncate,fchmod';
  return ['strace', '-ff', '-ttt', '-y', '-s', '80', '-e', calls, '-o', log, ...preload];
}

function encodeFault(fault: Fault, reads: boolean): Uint8Array {
  const block = Buffer.alloc(CONTROL_BYTES);
  const last = fault.lasts ? 2 ** 31 - 1 : fault.at;
  const errno = fault.errno === undefined ? 0 : constants.errno[fault.errno];
  const numbers = [0, fault.at, last, ACTIONS.indexOf(fault.action), errno, Number(reads)];
  numbers.forEach((number, i) => block.writeInt32LE(number, 4 * i));
  block.write(fault.folder ?? '', 4 * numbers.length, 'latin1');
  return block;
}
