import { chmod, readFile } from 'node:fs/promises';
import { build } from 'esbuild';

/** Bundles the two commands into `dist/`: each one file, with the package's dependencies outside. */
const { dependencies } = JSON.parse(await readFile('package.json', 'utf8')) as {
  dependencies: Record<string, string>;
};

const shared = {
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  format: 'esm',
  outExtension: { '.js': '.mjs' },
  outdir: 'dist',
  legalComments: 'none',
  logLevel: 'warning',
} as const;

await build({
  ...shared,
  entryPoints: { coatcheck: 'cli/main.ts' },
  external: Object.keys(dependencies).flatMap((name) => [name, `${name}/*`]),
});
// The agent rides in a node's image: one file that needs nothing but Node.
await build({
  ...shared,
  entryPoints: { 'coatcheck-agent': 'agent/main.ts' },
  banner: {
    js: "import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);",
  },
});

await Promise.all(
  ['dist/coatcheck.mjs', 'dist/coatcheck-agent.mjs'].map((file) => chmod(file, 0o755)),
);
