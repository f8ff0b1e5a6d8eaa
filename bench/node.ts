import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { toHex } from '../bundle/bytes.ts';
import type { FileEntry } from '../bundle/manifest.ts';
import { sha256 } from '../bundle/platform/node.ts';
import { sealBundle } from '../bundle/seal.ts';
import { makeKeyFile } from '../agent/identity/keys/key-file.ts';
import { deriveIdentity } from '../bundle/identity.ts';
import { ZERO_DIGEST } from '../bundle/statement.ts';
import { parseDigest, pendingKey } from '../protocol/keys.ts';
import { formatSite } from '../protocol/site.ts';
import { COMMANDS, commandsBuilt } from './commands.ts';
import { startLab } from '../tests/support/lab.ts';
import type { Lab } from '../tests/support/lab.ts';
import { textFile } from './fixtures.ts';
import { median } from './measure.ts';
import { compare, ratioOf } from './result.ts';
import type { Aim, Row, Suite } from './result.ts';

const AGENT = join(COMMANDS, 'coatcheck-agent.mjs');
const ROUNDS = 11;
const TIMES = 1.5;
const MAX_KIB = 150;
/** A node's root is in memory, and so is this: what waits for a disk is not the agent. */
const MEMORY = fs.existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** What the agent costs a machine that boots: its size, its start, and a whole boot. */
export async function nodeSuites(): Promise<Suite[]> {
  await commandsBuilt();
  return [sizeOfAgent(), await firstRequest(), await bootOf(20), await bootOf(500)];
}

function sizeOfAgent(): Suite {
  const kib = fs.statSync(AGENT).size / 1024;
  return {
    title: 'The agent, one file',
    unit: 'KiB',
    rows: [{ name: 'minified', value: kib }],
    aims: [{ text: `at most ${MAX_KIB} KiB`, met: kib <= MAX_KIB }],
  };
}

/** Until the first request of a boot arrives at its server, against a Node that does nothing. */
async function firstRequest(): Promise<Suite> {
  const machine = await machineOf([]);
  let arrived: (() => void) | undefined;
  const server = createServer((_, response) => {
    arrived?.();
    response.destroy();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    const ours = async (): Promise<number> => {
      const started = performance.now();
      const came = new Promise<number>((resolve) => {
        arrived = () => resolve(performance.now() - started);
      });
      const { done } = run(machine.command(machine.root(), '--server', url));
      const milliseconds = await came;
      await done;
      return milliseconds;
    };
    const nothing = (): Promise<number> => timed(['-e', '0']);
    const rows = compare(await interleaved({ [NOTHING]: nothing, [REQUEST]: ours }), NOTHING);
    return {
      ...{ title: 'From the start of the process', unit: 'ms', baseline: NOTHING, rows },
      aims: aimOf(rows, REQUEST, NOTHING),
    };
  } finally {
    server.close();
    await machine.close();
  }
}
const NOTHING = 'node -e 0, to its end';
const REQUEST = 'agent boot, to its first request';

/** A whole boot: fetch, verify, open, apply and report, against a Node and a tar that verify nothing. */
async function bootOf(count: number): Promise<Suite> {
  const files = Array.from({ length: count }, (_, i) => ({
    ...textFile(200 + ((i * 137) % 1200)),
    path: `etc/ssh/sshd_config.d/bench-${String(i).padStart(3, '0')}.conf`,
  }));
  const machine = await machineOf(files);
  const archive = await archiveOf(files);
  let peakMiB = 0;
  try {
    const tar = async (): Promise<number> => {
      const into = fs.mkdtempSync(join(MEMORY, 'coatcheck-bench-'));
      const started = performance.now();
      await run([process.execPath, '-e', '0']).done;
      await run(['tar', '-xJf', archive, '-C', into]).done;
      const milliseconds = performance.now() - started;
      fs.rmSync(into, { recursive: true });
      return milliseconds;
    };
    const ours = async (): Promise<number> => {
      const root = machine.root();
      const started = performance.now();
      const booted = run(machine.command(root));
      const { code, peak } = await booted.done;
      const milliseconds = performance.now() - started;
      if (code !== 0) throw new Error('the machine did not boot');
      peakMiB = Math.max(peakMiB, peak);
      fs.rmSync(root, { recursive: true });
      return milliseconds;
    };
    const measured = compare(await interleaved({ [TAR]: tar, [BOOT]: ours }), TAR);
    const rows = measured.map((row) =>
      row.name === BOOT ? { ...row, more: { 'MiB at most': peakMiB } } : row,
    );
    return {
      ...{ title: `From the start of the process to ${count} files in place`, unit: 'ms' },
      ...{ baseline: TAR, rows, aims: aimOf(rows, BOOT, TAR) },
    };
  } finally {
    fs.rmSync(dirname(archive), { recursive: true });
    await machine.close();
  }
}
const TAR = 'node -e 0 and tar xJ';
const BOOT = 'agent boot, reported';

const aimOf = (rows: readonly Row[], name: string, baseline: string): Aim[] => [
  { text: `at most ${TIMES} times ${baseline}`, met: (ratioOf(rows, name) ?? Infinity) <= TIMES },
];

interface BenchMachine {
  /** A new root of the same machine. */
  root(): string;
  command(root: string, ...options: string[]): string[];
  close(): Promise<void>;
}

/** A machine whose bundle with these files is approved; without files nothing is. */
async function machineOf(files: readonly FileEntry[]): Promise<BenchMachine> {
  const lab = await startLab();
  const folder = fs.mkdtempSync(join(MEMORY, 'coatcheck-bench-'));
  const key = join(folder, 'key');
  const site = join(folder, 'site.json');
  const identity = deriveIdentity(makeKeyFile(key));
  fs.writeFileSync(site, formatSite(lab.site));
  if (files.length > 0) await approve(lab, identity, files);
  return {
    root: () => fs.mkdtempSync(join(folder, 'root-')),
    command: (root, ...options) => [
      ...[process.execPath, AGENT, '--root', root, '--key', key, '--site', site],
      ...[...options, 'boot', '--once', '--no-propose'],
    ],
    async close() {
      fs.rmSync(folder, { recursive: true });
      await lab.close();
    },
  };
}

async function approve(
  lab: Lab,
  identity: ReturnType<typeof deriveIdentity>,
  files: readonly FileEntry[],
): Promise<void> {
  const { signKey, boxKey } = identity;
  const recipients = [boxKey, ...lab.site.pinned.keyset.keys.map((key) => key.boxKey)];
  const manifest = { node: { signKey, boxKey }, base: ZERO_DIGEST, metadata: {}, files };
  const sealed = sealBundle({ manifest, signer: identity, kind: 'node', recipients });
  const digest = parseDigest(toHex(sha256(sealed)));
  await lab.store.create(pendingKey(identity.id, digest), sealed);
  await lab.approve(identity, digest);
}

async function archiveOf(files: readonly FileEntry[]): Promise<string> {
  const folder = fs.mkdtempSync(join(MEMORY, 'coatcheck-bench-'));
  for (const { path, content } of files) {
    fs.mkdirSync(join(folder, 'tree', dirname(path)), { recursive: true });
    fs.writeFileSync(join(folder, 'tree', path), content);
  }
  const archive = join(folder, 'tree.tar.xz');
  await run(['tar', '-cJf', archive, '-C', join(folder, 'tree'), '.']).done;
  return archive;
}

/** The medians of all, taken by turns; the first turn does not count. */
async function interleaved(tasks: Readonly<Record<string, () => Promise<number>>>): Promise<Row[]> {
  const times = new Map<string, number[]>(Object.keys(tasks).map((name) => [name, []]));
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [name, task] of Object.entries(tasks)) {
      const milliseconds = await task();
      if (round > 0) times.get(name)!.push(milliseconds);
    }
  }
  return [...times].map(([name, values]) => ({ name, value: median(values) }));
}

async function timed(args: readonly string[]): Promise<number> {
  const started = performance.now();
  await run([process.execPath, ...args]).done;
  return performance.now() - started;
}

/** Runs a program to its end, and says how much memory it had at most (VmHWM of proc(5)), MiB. */
function run(command: readonly string[]): { done: Promise<{ code: number | null; peak: number }> } {
  const child = spawn(command[0]!, command.slice(1), { stdio: 'ignore' });
  let peak = 0;
  const look = setInterval(() => {
    try {
      const status = fs.readFileSync(`/proc/${child.pid}/status`, 'latin1');
      peak = Math.max(peak, Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024);
    } catch {
      // It has ended.
    }
  }, 5);
  const done = once(child, 'close').then(([code]) => {
    clearInterval(look);
    return { code: code as number | null, peak };
  });
  return { done };
}
