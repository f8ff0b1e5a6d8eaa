import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { bundleEntry } from '../infra/bundle.ts';
import { CREDENTIALS } from '../protocol/permissions.ts';

/**
 * Compiles what other programs import (`exports` of package.json) into a folder, which holds nothing
 * else then: a module with its types for each of ours that they reach, and packages by their names
 * (docs/adr/0151).
 */
export async function buildLibrary(outdir: string): Promise<void> {
  await rm(outdir, { recursive: true, force: true });
  const tsc = join('node_modules', 'typescript', 'bin', 'tsc');
  const args = [tsc, '-p', 'tsconfig.library.json', '--outDir', outdir];
  await promisify(execFile)(process.execPath, args);
  for (const path of await readdir(outdir, { recursive: true })) {
    if (/\.(?:js|d\.ts)$/.test(path)) await finish(join(outdir, path));
  }
  // Instead of an import of JSON, of which Node 20 warns.
  const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string };
  const value = `export const VERSION = ${JSON.stringify(version)};\n`;
  await writeFile(join(outdir, 'functions', 'version.js'), value);
  await rm(join(outdir, 'package.json'));
  await bundleFunctions(outdir);
}

/** The code of the functions, bundled now: whoever deploys from the package has no bundler. */
async function bundleFunctions(outdir: string): Promise<void> {
  for (const name of [...CREDENTIALS, 'doctor']) {
    const file = join(outdir, '..', 'functions', name, 'index.mjs');
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, bundleEntry(`functions/lambda/${name}.ts`));
  }
  const code = `import { Code } from 'aws-cdk-lib/aws-lambda';
import { fileURLToPath } from 'node:url';
export const functionCode = (scope, name) =>
  Code.fromAsset(fileURLToPath(new URL(\`../../functions/\${name}\`, import.meta.url)));
`;
  await writeFile(join(outdir, 'infra', 'code.js'), code);
  for (const file of ['bundle.js', 'bundle.d.ts']) await rm(join(outdir, 'infra', file));
}

/** What the compiler leaves of our names for modules. */
async function finish(path: string): Promise<void> {
  const text = await readFile(path, 'utf8');
  const finished = text
    .replace(/(from |import\()(['"])(\.{1,2}\/[^'"]+)\.ts\2/g, '$1$2$3.js$2')
    // In the same package.json as that of the sources: it leads to what was compiled.
    .replace(/(from |import\()(['"])#platform\2/g, '$1$2#compiled-platform$2');
  if (finished !== text) await writeFile(path, finished);
}
