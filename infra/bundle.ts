import { buildSync } from 'esbuild';
import { fileURLToPath } from 'node:url';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** A quarter of the SDK's code, which no function calls (docs/adr/0263). */
const UNUSED = {
  '@aws-sdk/credential-provider-node': here('unused/credential-provider.ts'),
  '@smithy/core/event-streams': here('unused/event-streams.ts'),
};

/**
 * Bundles one entry into a single minified ES module for Lambda's Node, dependencies included, with
 * the esbuild of this package: no network, no container.
 *
 * @param entry path from the repository's root
 * @returns the text of the module, UTF-8
 */
export function bundleEntry(entry: string): Uint8Array {
  const { outputFiles } = buildSync({
    absWorkingDir: here('..'),
    entryPoints: [entry],
    bundle: true,
    alias: UNUSED,
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
