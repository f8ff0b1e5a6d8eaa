import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { WRANGLER, wranglerFolder } from './find.ts';

/** `npm run wrangler`: has Cloudflare's tool, with the runtime of Workers, in the cache. */
const folder = wranglerFolder();
if (!existsSync(join(folder, 'node_modules', 'wrangler', 'package.json'))) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  const quietly = ['--no-audit', '--no-fund', '--save-exact'];
  execFileSync('npm', ['install', ...quietly, WRANGLER], { cwd: folder, stdio: 'inherit' });
}
process.stderr.write(`wrangler is there: ${folder}\n`);
