import { readFile, rm } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Plugin } from 'esbuild';
import { instrument } from './instrument.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const FUZZ = join(ROOT, 'tests/fuzz');
const RUNTIME = join(FUZZ, 'engine/coverage.ts');

/** What `#platform` is for what the named module imports, and for what that imports in turn. */
const PLATFORMS: Readonly<Record<string, string>> = {
  [join(FUZZ, 'targets/platforms/on-node.ts')]: 'bundle/platform/node.ts',
  [join(FUZZ, 'targets/platforms/on-portable.ts')]: 'bundle/platform/portable.ts',
};
const STAND_IN = 'tests/fuzz/stand-ins/platform.ts';
/** What our own modules import instead, on that platform. */
const STAND_INS: Readonly<Record<string, string>> = {
  'node:fs': 'tests/fuzz/stand-ins/fs.ts',
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

/** How esbuild passes on which platform a module is on, to what it imports. */
interface Place {
  readonly platform: string;
}
const placeOf = (pluginData: unknown): Place =>
  (pluginData as Place | undefined) ?? { platform: STAND_IN };

function modules(planted: Planted | undefined): Plugin {
  const done = new Map<string, Promise<string>>();

  const read = async (path: string): Promise<string> => {
    const source = await readFile(path, 'utf8');
    const name = relative(ROOT, path);
    if (planted?.file !== name) return source;
    if (!source.includes(planted.from)) throw new Error(`${name} has no ${planted.from}`);
    return source.replace(planted.from, planted.to);
  };
  /** Once for all targets and platforms. */
  const instrumented = (path: string): Promise<string> => {
    const known = done.get(path) ?? read(path).then((source) => instrument(source, path, RUNTIME));
    done.set(path, known);
    return known;
  };

  return {
    name: 'modules',
    setup(plugin) {
      plugin.onResolve({ filter: /^[./]/ }, ({ path, resolveDir, pluginData }) => {
        const found = resolve(resolveDir, path);
        if (found.includes('/node_modules/')) return undefined;
        const platform = PLATFORMS[found] ?? placeOf(pluginData).platform;
        // One copy for each platform, but of what counts only one.
        const isCopy = platform !== STAND_IN && found !== RUNTIME;
        return { path: found, suffix: isCopy ? `?${platform}` : '', pluginData: { platform } };
      });
      plugin.onResolve({ filter: /^#platform$/ }, ({ pluginData }) => {
        const place = placeOf(pluginData);
        return { path: join(ROOT, place.platform), pluginData: place };
      });
      plugin.onResolve({ filter: /^[a-z@]/ }, ({ path, importer, pluginData }) => {
        const standIn = STAND_INS[path];
        const isReal = placeOf(pluginData).platform !== STAND_IN || importer.startsWith(FUZZ);
        if (standIn === undefined || isReal) return { path, external: true };
        return { path: join(ROOT, standIn) };
      });
      plugin.onLoad({ filter: /\.[jt]s$/ }, async ({ path, pluginData }) => {
        const place = placeOf(pluginData);
        const isUnderTest = !path.startsWith(join(ROOT, 'tests/'));
        return isUnderTest
          ? { contents: await instrumented(path), loader: 'js', pluginData: place }
          : { contents: await read(path), loader: 'ts', pluginData: place };
      });
    },
  };
}
