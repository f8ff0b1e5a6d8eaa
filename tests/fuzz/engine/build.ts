import { readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, extname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Loader, Plugin } from 'esbuild';
import { instrument } from './instrument.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const FUZZ = join(ROOT, 'tests/fuzz');
const runtime = { module: join(FUZZ, 'engine/coverage.ts') };
const require = createRequire(import.meta.url);

/** Packages that a target is as much about as about our own code: instrumented too. */
const INSTRUMENTED = ['commander'];

/** What `#platform` is for what the named module imports, and for what that imports in turn. */
const PLATFORMS: Readonly<Record<string, string>> = {
  [join(FUZZ, 'targets/platforms/on-node.ts')]: 'bundle/platform/node.ts',
  [join(FUZZ, 'targets/platforms/on-portable.ts')]: 'bundle/platform/portable.ts',
};
const STAND_IN = 'tests/fuzz/stand-ins/platform.ts';
/** What our own modules import instead, on that platform. */
const STAND_INS: Readonly<Record<string, string>> = {
  tweetnacl: 'tests/fuzz/stand-ins/nacl.ts',
  'node:fs/promises': 'tests/fuzz/stand-ins/fs-promises.ts',
};

/** A text of a source file to replace: a bug, to see that it is found. */
export interface Planted {
  /** From the top of the repository */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/**
 * Bundles each target into `<outdir>/<name>.mjs`, the script of a worker (worker.ts): our own
 * modules instrumented, signatures by a stand-in, packages as they are.
 */
export async function buildTargets(
  names: readonly string[],
  outdir: string,
  planted?: Planted,
): Promise<void> {
  await rm(outdir, { recursive: true, force: true });
  await build({
    entryPoints: names.map((name) => ({ in: `fuzz:${name}`, out: name })),
    outdir,
    bundle: true,
    platform: 'node',
    target: 'node20.19',
    format: 'esm',
    outExtension: { '.js': '.mjs' },
    sourcemap: 'inline',
    // For the packages that are instrumented, and are CommonJS.
    banner: {
      js: "import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);",
    },
    logLevel: 'warning',
    plugins: [entries, modules(planted)],
  });
}

const entries: Plugin = {
  name: 'entries',
  setup(plugin) {
    plugin.onResolve({ filter: /^fuzz:/ }, ({ path }) => ({
      path: path.slice(5),
      namespace: 'fuzz',
    }));
    plugin.onLoad({ filter: /./, namespace: 'fuzz' }, ({ path }) => ({
      contents: `import './engine/coverage.ts';
        import { target } from './targets/${path}.ts';
        import { work } from './engine/worker.ts';
        await work(target);`,
      resolveDir: FUZZ,
    }));
  },
};

/** Of a module that is loaded: which platform it is on. */
interface Place {
  readonly platform: string;
}

function modules(planted: Planted | undefined): Plugin {
  const done = new Map<string, Promise<string>>();

  const read = async (path: string): Promise<string> => {
    const source = await readFile(path, 'utf8');
    const name = relative(ROOT, path);
    if (planted?.file !== name) return source;
    if (!source.includes(planted.from)) throw new Error(`${name} has no ${planted.from}`);
    return source.replace(planted.from, planted.to);
  };
  const instrumented = async (path: string): Promise<string> =>
    instrument(await read(path), path, runtime);

  return {
    name: 'modules',
    setup(plugin) {
      plugin.onResolve({ filter: /^\.|^\// }, ({ path, resolveDir, importer, pluginData }) => {
        const found = resolve(resolveDir, path);
        if (found.includes('/node_modules/') && extname(found) !== '.ts') return undefined;
        const platform =
          PLATFORMS[found] ?? (pluginData as Place | undefined)?.platform ?? STAND_IN;
        const isShared = found === runtime.module || importer === '';
        const suffix = isShared || platform === STAND_IN ? '' : `?${platform}`;
        return { path: found, suffix, pluginData: { platform } satisfies Place };
      });
      plugin.onResolve({ filter: /^#platform$/ }, ({ pluginData }) => {
        const { platform } = pluginData as Place;
        return { path: join(ROOT, platform), pluginData: pluginData as Place };
      });
      plugin.onResolve({ filter: /^[a-z@]/ }, ({ path, importer, pluginData }) => {
        if (INSTRUMENTED.includes(path)) {
          return { path: require.resolve(path), pluginData: { platform: STAND_IN } };
        }
        const standIn = STAND_INS[path];
        const isReal = (pluginData as Place | undefined)?.platform !== STAND_IN;
        const isOfFuzzer = importer.startsWith(FUZZ);
        if (standIn === undefined || isReal || isOfFuzzer) return { path, external: true };
        return { path: join(ROOT, standIn), pluginData: pluginData as Place };
      });
      plugin.onLoad({ filter: /\.([jt]s)$/ }, async ({ path, pluginData }) => {
        const loader = extname(path).slice(1) as Loader;
        const isOurs = !path.startsWith(join(ROOT, 'tests/'));
        if (!isOurs) return { contents: await read(path), loader, pluginData: pluginData as Place };
        if (!done.has(path)) done.set(path, instrumented(path));
        return {
          contents: await done.get(path)!,
          loader: 'js',
          resolveDir: dirname(path),
          pluginData: pluginData as Place,
        };
      });
    },
  };
}
