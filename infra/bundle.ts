import { buildSync } from 'esbuild';
import { fileURLToPath } from 'node:url';

/**
 * Bundles one entry into a single minified ES module for Lambda's Node, dependencies included, with
 * the esbuild of this package: no network, no container.
 *
 * @param entry path from the repository's root
 * @returns the text of the module, UTF-8
 */
export function bundleEntry(entry: string): Uint8Array {
  const { outputFiles } = buildSync({
    absWorkingDir: fileURLToPath(new URL('..', import.meta.url)),
    entryPoints: [entry],
    bundle: true,
    minify: true,
    write: false,
    outdir: 'out',
    platform: 'node',
    // Not the runtime's own version: what is built here also runs in tests on the oldest Node.
    target: 'node20.19',
    format: 'esm',
    mainFields: ['module', 'main'],
    legalComments: 'none',
    // The AWS SDK has CommonJS parts that `require` Node's own modules.
    banner: {
      js: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);",
    },
    logLevel: 'warning',
  });
  return outputFiles[0]!.contents;
}
