import { chmod, cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { wordlist } from '@scure/bip39/wordlists/english.js';
import { build } from 'esbuild';
import type { BuildOptions, Metafile, Plugin } from 'esbuild';
import { DICTIONARY_1_TEXT } from '../bundle/dictionary-1.ts';

const SHARED = {
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  format: 'esm',
  outExtension: { '.js': '.mjs' },
  legalComments: 'none',
  logLevel: 'warning',
} as const;

/**
 * Bundles the two commands, what keeps a key for one of them, and what a browser runs, as they are published,
 * into a folder, which holds nothing else then.
 */
export async function buildCommands(outdir: string): Promise<void> {
  const { dependencies } = JSON.parse(await readFile('package.json', 'utf8')) as {
    dependencies: Record<string, string>;
  };
  await buildProgram(outdir, {
    external: Object.keys(dependencies).flatMap((name) => [name, `${name}/*`]),
  });
  // The agent rides in a node's image: one file that needs nothing but Node.
  await build({
    ...SHARED,
    outdir,
    entryPoints: { 'coatcheck-agent': 'agent/main.ts' },
    minify: true,
    plugins: [
      onlyVersion,
      foldedDictionary,
      foldedWords,
      loadedWhenCalled('fflate/browser', ['deflateSync']),
    ],
  });
  const commands = ['coatcheck.mjs', 'coatcheck-agent.mjs'];
  await Promise.all(commands.map((file) => chmod(join(outdir, file), 0o755)));
}

/**
 * Bundles `coatcheck` with its libraries in it, into a folder which holds nothing else then: for a machine that has
 * Node and nothing else. `libraries.json` names the folder of each library that is in it, `node_modules/...`.
 */
export async function buildStandalone(outdir: string): Promise<void> {
  const { inputs } = await buildProgram(outdir, {
    mainFields: ['module', 'main'],
    // Some libraries `require` Node's own modules.
    banner: {
      js: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);",
    },
  });
  await chmod(join(outdir, 'coatcheck.mjs'), 0o755);
  const folders = Object.keys(inputs).map(
    (path) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1],
  );
  const libraries = [...new Set(folders.filter((folder) => folder !== undefined))].sort();
  await writeFile(join(outdir, 'libraries.json'), JSON.stringify(libraries));
}

/** `coatcheck`, what keeps a key for it, and what a browser runs. @param more of esbuild's options */
async function buildProgram(outdir: string, more: BuildOptions): Promise<Metafile> {
  await rm(outdir, { recursive: true, force: true });
  const { metafile } = await build({
    ...SHARED,
    ...more,
    outdir,
    metafile: true,
    entryPoints: { coatcheck: 'cli/main.ts', 'coatcheck-keeper': 'cli/keeper/main.ts' },
    // What is imported when it is needed stays apart: most commands never load the AWS SDK.
    plugins: [onlyVersion],
    splitting: true,
    chunkNames: 'coatcheck-[name]-[hash]',
  });
  await cp('web/assets', join(outdir, 'assets'), { recursive: true });
  // What verifies a record where only a browser is: one script, which stands in a file as well.
  await build({
    ...{ entryPoints: { log: 'web/log/browser.ts' }, outdir: join(outdir, 'assets') },
    ...{ bundle: true, platform: 'browser', format: 'iife', target: 'es2023', minify: true },
    plugins: [verifiesAhead],
    ...{ legalComments: 'none', logLevel: 'warning' },
  });
  return metafile;
}

/** An expression that is a text; of ASCII, deflated in the file. */
function folded(text: string): string {
  const bytes = deflateRawSync(text, { level: 9 }).toString('base64');
  const zlib = "process.getBuiltinModule('node:zlib')";
  return `${zlib}.inflateRawSync(Buffer.from('${bytes}', 'base64')).toString()`;
}

/** The text that bundles refer back to: as it is it would be a fourteenth of the agent. */
const foldedDictionary: Plugin = {
  name: 'folded dictionary',
  setup(esbuild) {
    esbuild.onLoad({ filter: /\/bundle\/dictionary-1\.ts$/ }, () => ({
      contents: `export const DICTIONARY_1_TEXT = ${folded(DICTIONARY_1_TEXT)};`,
    }));
  },
};

/** The words of a machine: of each only how many letters it has in common with the one before, and the rest. */
const foldedWords: Plugin = {
  name: 'folded words',
  setup(esbuild) {
    let before = '';
    const rests = wordlist.map((word) => {
      let end = 0;
      while (word[end] === before[end]) end++;
      before = word;
      return `${end}${word.slice(end)}`;
    });
    esbuild.onLoad({ filter: /\/wordlists\/english\.js$/ }, () => ({
      contents: `let before = '';
        const unfold = (rest) => (before = before.slice(0, rest[0]) + rest.slice(1));
        export const wordlist = ${folded(rests.join(''))}.match(/\\d[a-z]+/g).map(unfold);`,
    }));
  },
};

/** The platform of what verifies a record. */
const verifiesAhead: Plugin = {
  name: 'verifies ahead',
  setup(esbuild) {
    const path = resolve('web/log/ahead.ts');
    esbuild.onResolve({ filter: /^#platform$/ }, () => ({ path }));
  },
};

/** All that a command reads of package.json. */
const onlyVersion: Plugin = {
  name: 'only the version',
  setup(esbuild) {
    esbuild.onLoad({ filter: /\/package\.json$/ }, async ({ path }) => {
      const { version } = JSON.parse(await readFile(path, 'utf8')) as { version: string };
      return { contents: JSON.stringify({ version }), loader: 'json' };
    });
  },
};

/**
 * Bundles a library so that it is loaded by the first call of one of its functions. Where a library
 * makes tables when it is loaded, a start that never needs them does not pay for them.
 */
function loadedWhenCalled(library: string, functions: readonly string[]): Plugin {
  const namespace = 'loaded when called';
  const wrapper = functions
    .map((name) => `export const ${name} = (...args) => require('loaded').${name}(...args);`)
    .join('\n');
  return {
    name: namespace,
    setup(esbuild) {
      esbuild.onResolve({ filter: new RegExp(`^${library}$`) }, ({ namespace: from }) =>
        from === namespace ? undefined : { path: 'wrapper', namespace },
      );
      esbuild.onResolve({ filter: /^loaded$/, namespace }, () => ({ path: 'loaded', namespace }));
      esbuild.onLoad({ filter: /^/, namespace }, ({ path }) => ({
        contents:
          path === 'wrapper' ? wrapper : `export { ${functions.join(', ')} } from '${library}';`,
        resolveDir: process.cwd(),
      }));
    },
  };
}
