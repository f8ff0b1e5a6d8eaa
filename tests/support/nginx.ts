import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A real nginx that serves files. */
export interface Nginx {
  /** e.g. `http://127.0.0.1:40123` */
  readonly url: string;
  /** The requests that it answered, a line each: path and status */
  log(): string[];
  close(): Promise<void>;
}

/**
 * nginx on a socket of its own, behind a free port of the loopback interface: bytes pass as they are. As root it works as
 * another user, who must be able to read what it serves.
 * @param server what stands in `server { }` beside `listen`
 */
export async function startNginx(server: string): Promise<Nginx> {
  const folder = fs.mkdtempSync(join(tmpdir(), 'coatcheck-nginx-'));
  fs.chmodSync(folder, 0o777);
  const path = join(folder, 'socket');
  const log = join(folder, 'log');
  const places = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const temporary = places.map((name) => `${name}_temp_path ${folder}/${name};`);
  fs.writeFileSync(
    join(folder, 'configuration'),
    `daemon off; pid ${folder}/pid; error_log stderr; events {}
    http { log_format short "$uri $status"; access_log ${log} short; ${temporary.join(' ')}
    server { listen unix:${path}; ${server} } }`,
  );
  const child = spawn('nginx', ['-c', join(folder, 'configuration')], {
    ...{ stdio: ['ignore', 'ignore', 'pipe'], env: { PATH: `${process.env['PATH']}:/usr/sbin` } },
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const ended = once(child, 'exit');
  while (!(await accepts(path))) {
    if (child.exitCode !== null) throw new Error(`nginx: ${said}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const relay = createServer((near) => {
    const far = connect(path);
    near.pipe(far).pipe(near);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      one.on('error', () => other.destroy());
    }
  }).listen(0, '127.0.0.1');
  await once(relay, 'listening');
  return {
    url: `http://127.0.0.1:${(relay.address() as AddressInfo).port}`,
    log: () => fs.readFileSync(log, 'utf8').split('\n').filter(Boolean),
    async close() {
      relay.close();
      child.kill('SIGQUIT');
      await ended;
      fs.rmSync(folder, { recursive: true, force: true });
    },
  };
}

function accepts(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    }).on('error', () => resolve(false));
  });
}
