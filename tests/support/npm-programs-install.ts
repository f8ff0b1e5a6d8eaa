import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lackingNpmProgram, NPM_PROGRAMS, npmFolder } from './npm-programs.ts';
import type { NpmProgram } from './npm-programs.ts';

/** `npm run runtimes`: has the other runtimes in the cache. */
for (const [name, version] of Object.entries(NPM_PROGRAMS) as [NpmProgram, string][]) {
  const folder = npmFolder(name);
  if (lackingNpmProgram(name) !== undefined) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
    const args = ['install', '--no-audit', '--no-fund', '--save-exact', `${name}@${version}`];
    execFileSync('npm', args, { cwd: folder, stdio: 'inherit' });
  }
  process.stderr.write(`${name} is there: ${folder}\n`);
}
