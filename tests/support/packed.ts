import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Installs this package, as it would be published, in an empty folder, with others in the versions that are here. */
export function installPacked(folder: string, names: readonly string[]): void {
  const { devDependencies, dependencies } = JSON.parse(
    readFileSync('package.json', 'utf8'),
  ) as Record<string, Record<string, string>>;
  const wanted = names.map((name) => `${name}@${(devDependencies![name] ?? dependencies![name])!}`);
  const pack = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
  const json = execFileSync('npm', pack, { encoding: 'utf8', stdio: 'pipe' });
  const [{ filename }] = JSON.parse(json) as [{ filename: string }];
  writeFileSync(join(folder, 'package.json'), '{ "type": "module", "private": true }');
  const args = ['--prefer-offline', '--no-audit', '--no-fund', `./${filename}`, ...wanted];
  execFileSync('npm', ['install', ...args], { cwd: folder, stdio: 'pipe' });
}
