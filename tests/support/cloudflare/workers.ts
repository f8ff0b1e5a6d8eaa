import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { buildSync } from 'esbuild';
import type { Site } from '../../../protocol/site.ts';
import { formatSite } from '../../../protocol/site.ts';
import { CREDENTIALS } from '../../../protocol/permissions.ts';
import type { ObjectStore } from '../../../store/port.ts';
import { npmFolder, npmProgram } from '../npm-programs.ts';
import { remoteStore } from './remote-store.ts';
import { serveS3Endpoint } from './s3-endpoint.ts';

/** What is used of miniflare, which is installed apart. */
interface Miniflare {
  readonly ready: Promise<URL>;
  getWorker(name: string): Promise<{ fetch(url: string, init?: object): Promise<Response> }>;
  dispose(): Promise<void>;
}
interface WorkerOptions {
  readonly compatibilityDate: string;
  readonly compatibilityFlags: readonly string[];
  readonly bindings: Readonly<Record<string, string>>;
}
const ofWrangler = (name: string): unknown =>
  createRequire(join(npmFolder('wrangler'), 'package.json'))(name);

const start = (workers: readonly object[], hear: (said: string) => void): Miniflare =>
  new (ofWrangler('miniflare') as { Miniflare: new (options: object) => Miniflare }).Miniflare({
    host: '127.0.0.1',
    workers,
    handleRuntimeStdio(...streams: Readable[]) {
      for (const stream of streams) stream.setEncoding('utf8').on('data', hear);
    },
  });

interface Wrangler {
  unstable_getMiniflareWorkerOptions(file: string): { workerOptions: WorkerOptions };
}
const optionsOf = (name: string): WorkerOptions =>
  (ofWrangler('wrangler') as Wrangler).unstable_getMiniflareWorkerOptions(configOf(name))
    .workerOptions;
const configOf = (name: string): string => join('infra', 'workers', `${name}.jsonc`);

/** A Worker of a module of this folder, as wrangler makes one of what infra/workers/ names. */
function workerOf(module: string, more: object = {}): object {
  const { outputFiles } = buildSync({
    entryPoints: [`tests/support/cloudflare/${module}.ts`],
    alias: { '#platform': './bundle/platform/node.ts' },
    ...{ bundle: true, write: false, format: 'esm', external: ['node:*'] },
    conditions: ['workerd', 'worker', 'browser'],
  });
  const { compatibilityDate, compatibilityFlags } = optionsOf('admin');
  return {
    ...{ name: module, modules: true, script: outputFiles[0]!.text },
    // Before August 2022 a page of a listing was 100 keys.
    ...{ compatibilityDate, compatibilityFlags, ...more },
  };
}
const storeWorker = (bucket: string): object =>
  workerOf('store-worker', { r2Buckets: { BUCKET: { id: bucket } } });

const storeOf = async (miniflare: Miniflare): Promise<ObjectStore> => {
  const worker = await miniflare.getWorker('store-worker');
  return remoteStore((url, init) => worker.fetch(url, init));
};

/** A bucket of R2 as Cloudflare's own runtime has it on this machine, empty. */
export async function freshR2(): Promise<{ store: ObjectStore; close: () => Promise<void> }> {
  const miniflare = start([storeWorker('fresh')], () => undefined);
  return { store: await storeOf(miniflare), close: () => miniflare.dispose() };
}

/** The verdicts of Cloudflare's runtime on vectors: of each its name and text. */
export async function verdictsOfWorker(
  vectors: readonly (readonly [name: string, text: string])[],
): Promise<unknown[]> {
  const miniflare = start([workerOf('vectors-worker')], () => undefined);
  try {
    const worker = await miniflare.getWorker('vectors-worker');
    const body = JSON.stringify(vectors);
    return (await (await worker.fetch('http://vectors/', { method: 'POST', body })).json()) as [];
  } finally {
    await miniflare.dispose();
  }
}

/** The three Workers of infra/workers/, bundled by wrangler, on a bucket of R2. */
export interface RunningWorkers {
  readonly url: string;
  /** The bucket, without any condition. */
  readonly store: ObjectStore;
  /** What they logged so far. */
  readonly said: () => string;
  readonly close: () => Promise<void>;
}

/** @param more variables over those that they have otherwise; an empty one is not set */
export async function startWorkers(
  site: Site,
  more: Readonly<Record<string, string>> = {},
): Promise<RunningWorkers> {
  const out = mkdtempSync(join(tmpdir(), 'coatcheck-workers-'));
  const pairs = CREDENTIALS.map((name) => ({
    accessKeyId: `token-of-${name}`,
    secretAccessKey: `the secret of ${name} in a test`.replaceAll(' ', '-'),
  }));
  const bucket: { store?: ObjectStore } = {};
  let said = '';
  const endpoint = await serveS3Endpoint(() => bucket.store!, 'coatcheck', pairs);
  const workers = CREDENTIALS.map((name, i) => {
    execFileSync(
      npmProgram('wrangler'),
      ['deploy', '--dry-run', '--outdir', join(out, name), '-c', configOf(name)],
      {
        stdio: 'pipe',
        env: { ...process.env, WRANGLER_SEND_METRICS: 'false', CI: '1' },
      },
    );
    const options = optionsOf(name);
    return {
      ...{ ...options, name: `coatcheck-${name}`, modules: true },
      script: readFileSync(join(out, name, `${name}.js`), 'utf8'),
      bindings: {
        ...options.bindings,
        COATCHECK_SITE: formatSite(site),
        COATCHECK_R2_ENDPOINT: endpoint.url,
        COATCHECK_R2_KEY_ID: pairs[i]!.accessKeyId,
        COATCHECK_R2_SECRET: pairs[i]!.secretAccessKey,
        ...more,
      },
    };
  });
  rmSync(out, { recursive: true });
  const miniflare = start([...workers, storeWorker('coatcheck')], (text) => (said += text));
  const store = (bucket.store = await storeOf(miniflare));
  return {
    url: (await miniflare.ready).origin,
    store,
    said: () => said,
    async close() {
      await miniflare.dispose();
      await endpoint.close();
    },
  };
}
