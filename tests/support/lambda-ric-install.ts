import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hasRuntimeClient, RUNTIME_CLIENT, runtimeClient, runtimeFolder } from './lambda-ric.ts';

/** `npm run lambda-ric`: has AWS's runtime client, compiled into the cache if there is none: some minutes. */
const say = (line: string): void => void process.stderr.write(`${line}\n`);
if (!hasRuntimeClient()) {
  const cwd = runtimeFolder();
  mkdirSync(cwd, { recursive: true });
  writeFileSync(join(cwd, 'package.json'), '{ "private": true }');
  const npm = (...args: string[]): void =>
    void execFileSync('npm', args, { cwd, stdio: ['ignore', 'ignore', 'inherit'] });
  npm('install', '--no-audit', '--no-fund', '--ignore-scripts', RUNTIME_CLIENT);
  npm('rebuild', 'aws-lambda-ric');
}
if (!hasRuntimeClient()) {
  throw new Error(
    'it needs g++, make, cmake, autoconf, automake, libtool and python3 to be compiled',
  );
}
say(`AWS's runtime client is there: ${runtimeClient()}`);
