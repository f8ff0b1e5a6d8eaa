import { createHash, randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execFileSync } from 'node:child_process';
import { freePort, spawnServer } from '../../local-minio/server-process.ts';
import type { ServerProcess } from '../../local-minio/server-process.ts';
import type { WebdavOptions } from '../../store/webdav-client.ts';
import { makeAuthority } from './certificates.ts';
import type { Authority } from './certificates.ts';
import { WAIT_MILLISECONDS } from './limits.ts';

const MODULES =
  'mpm_event authz_core authz_user authn_core authn_file auth_basic alias dir dav dav_fs ssl reqtimeout socache_shmcb';

/** An Apache with the configuration of docs/self-hosting.md. */
export interface Apache {
  readonly url: string;
  /** Its configuration, certificate (`own.pem`) and key (`own.key`); gone once it is stopped */
  readonly folder: string;
  readonly authority: Authority;
  /** What its collections are on the disk */
  readonly files: string;
  /** A new collection, empty, and how to reach it. */
  readonly collection: () => WebdavOptions & { readonly files: string };
  readonly process: ServerProcess;
  /** Ends it, and starts it again at the same address. */
  readonly restart: (changes?: readonly (readonly [string, string])[]) => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** @param options.files where the collections are; in a folder that goes with it unless given */
export async function startApache({ files: elsewhere }: { files?: string } = {}): Promise<Apache> {
  const folder = fs.mkdtempSync(join(tmpdir(), 'coatcheck-apache-'));
  // For Apache's own user.
  fs.chmodSync(folder, 0o755);
  const files = elsewhere ?? join(folder, 'files');
  fs.mkdirSync(files, { recursive: true });
  const isRoot = process.getuid?.() === 0;
  const locks = join(folder, 'locks');
  fs.mkdirSync(locks);
  if (isRoot) execFileSync('chown', ['www-data', files, locks]);
  const authority = makeAuthority(join(folder, 'ca'));
  const at = (name: string): string => join(folder, name);
  const put = (name: string, text: string): void => {
    fs.writeFileSync(at(name), text, { mode: 0o644 });
  };
  const own = authority.issue('IP:127.0.0.1,DNS:localhost');
  put('own.pem', own.cert);
  put('own.key', own.key);
  const client = authority.issue('DNS:serve');
  const password = randomBytes(12).toString('hex');
  put('passwords', `coatcheck:{SHA}${createHash('sha1').update(password).digest('base64')}\n`);

  let port = 0;
  let running!: ServerProcess;
  async function start(changes: readonly (readonly [string, string])[] = []): Promise<void> {
    const isNew = port === 0;
    for (let tries = 0; ; tries++) {
      if (isNew) port = await freePort();
      put('apache.conf', configuration(folder, files, port, isRoot, changes));
      running = spawnServer('apache2', ['-f', at('apache.conf'), '-DFOREGROUND'], {});
      if (await answers(port, running)) return;
      if (tries > 4) throw new Error(`apache2 did not start: ${running.said()}`);
    }
  }
  await start();
  let count = 0;
  return {
    url: `https://127.0.0.1:${port}/coatcheck/`,
    folder,
    authority,
    files,
    collection() {
      const name = `c${count++}`;
      fs.mkdirSync(join(files, name));
      if (isRoot) execFileSync('chown', ['www-data', join(files, name)]);
      return {
        ...{ url: `https://127.0.0.1:${port}/coatcheck/${name}/`, files: join(files, name) },
        ...{ user: 'coatcheck', password, ca: authority.ca },
        ...{ certificate: client.cert, key: client.key },
      };
    },
    get process() {
      return running;
    },
    async restart(changes) {
      await running.stop();
      await start(changes);
    },
    async stop() {
      await running.stop();
      fs.rmSync(folder, { recursive: true });
    },
  };
}

function configuration(
  folder: string,
  files: string,
  port: number,
  isRoot: boolean,
  more: readonly (readonly [string, string])[],
): string {
  let text = fs
    .readFileSync('docs/self-hosting.md', 'utf8')
    .split('```apache\n')[1]!
    .split('```')[0]!;
  for (const [from, to] of [
    ['<VirtualHost *:443>', `<VirtualHost 127.0.0.1:${port}>`],
    ['/etc/ssl/dav.lan.pem', join(folder, 'own.pem')],
    ['/etc/ssl/private/dav.lan.key', join(folder, 'own.key')],
    ['/etc/ssl/coatcheck-clients.pem', join(folder, 'ca', 'ca.pem')],
    ['/etc/apache2/coatcheck.htpasswd', join(folder, 'passwords')],
    ['/srv/coatcheck/objects/approved', join(files, '*', 'objects', 'approved')],
    ['/srv/coatcheck', files],
    ['/srv/coatcheck', files],
    ...more,
  ] as const) {
    if (!text.includes(from)) throw new Error(`docs/self-hosting.md has no ${from}`);
    text = text.replace(from, to);
  }
  return [
    ...[`ServerRoot ${folder}`, 'ServerName localhost', `Listen 127.0.0.1:${port}`],
    ...[
      `PidFile ${join(folder, 'pid')}`,
      `Mutex file:${folder}`,
      `ErrorLog ${join(folder, 'errors')}`,
    ],
    ...[
      'StartServers 2',
      'MinSpareThreads 16',
      'ThreadsPerChild 16',
      'MaxRequestWorkers 64',
      'SSLSessionCache none',
    ],
    ...MODULES.split(' ').map(
      (name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`,
    ),
    // As Debian's dav_fs.conf has it.
    `DavLockDB ${join(folder, 'locks', 'db')}`,
    ...(isRoot ? ['User www-data', 'Group www-data'] : []),
    ...[`DocumentRoot ${folder}`, text],
  ].join('\n');
}

async function answers(port: number, server: ServerProcess): Promise<boolean> {
  const deadline = Date.now() + WAIT_MILLISECONDS;
  while (!server.hasEnded() && Date.now() < deadline) {
    const isThere = await new Promise<boolean>((resolve) => {
      const asked = request(
        { host: '127.0.0.1', port, path: '/', rejectUnauthorized: false, agent: false },
        (answer) => {
          answer.resume();
          resolve(true);
        },
      );
      asked.on('error', () => {
        resolve(false);
      });
      asked.end();
    });
    if (isThere) return true;
    await sleep(50);
  }
  await server.stop();
  return false;
}
