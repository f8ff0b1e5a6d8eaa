import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { text } from 'node:stream/consumers';

/** What `storm run` reads (visit.go says what each member means). */
export interface Job {
  readonly parallel: number;
  readonly ca?: string;
  readonly visitors: readonly Visitor[];
}
export interface Visitor {
  readonly certificate?: string;
  readonly requests: readonly StormRequest[];
}
export interface StormRequest {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly url?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** base64 */
  readonly body?: string;
  /** URL and headers are those that the answer before gave. */
  readonly presigned?: boolean;
  readonly status: number;
  /** of the answer's body, hex */
  readonly sha256?: string;
}

/** What `storm run` prints. */
export interface StormResult {
  readonly seconds: number;
  /** Of each visit, ascending. */
  readonly milliseconds: readonly number[];
  /** Of the generator itself. */
  readonly cpuSeconds: number;
}

/** The load generator, built by Go. */
export interface Generator {
  /** @throws Error with the first wrong answer */
  run(job: Job): Promise<StormResult>;
  /** Writes `ca.pem`, `server.pem`, and `<name>.pem` for each client into `folder`. */
  makeCertificates(folder: string, names: readonly string[]): void;
}

/** @throws Error where there is no Go */
export function buildGenerator(folder: string): Generator {
  const program = join(folder, 'storm');
  const sources = ['main.go', 'visit.go', 'certificates.go'].map((name) =>
    fileURLToPath(new URL(name, import.meta.url)),
  );
  execFileSync('go', ['build', '-o', program, ...sources], { stdio: ['ignore', 'pipe', 'pipe'] });
  return {
    async run(job) {
      const child = spawn(program, ['run'], { stdio: ['pipe', 'pipe', 'pipe'] });
      const ended = once(child, 'close');
      child.stdin.end(JSON.stringify(job));
      const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
      await ended;
      if (child.exitCode !== 0) throw new Error(stderr.trim());
      return JSON.parse(stdout) as StormResult;
    },
    makeCertificates(certificates, names) {
      mkdirSync(certificates, { recursive: true });
      execFileSync(program, ['certificates', certificates], { input: names.join('\n') });
    },
  };
}
