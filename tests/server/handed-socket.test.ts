import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { formatSite } from '../../protocol/site.ts';
import { cliProgram, refusal } from '../support/cli.ts';
import { until } from '../support/network.ts';
import { listen } from '../support/run.ts';
import { makeSite } from '../support/site.ts';

/** As systemd does it: the descriptor 3, and variables that name the process. */

let home: string;
const listeners: Server[] = [];
beforeEach(() => {
  home = fs.mkdtempSync(join(tmpdir(), 'coatcheck-socket-'));
  fs.writeFileSync(join(home, 'site.json'), formatSite(makeSite().site));
});
afterEach(() => {
  for (const listener of listeners.splice(0)) listener.close();
  fs.rmSync(home, { recursive: true });
});

async function listener(place: object): Promise<{ server: Server; fd: number }> {
  const server = createServer().listen(place);
  await once(server, 'listening');
  listeners.push(server);
  return { server, fd: (server as unknown as { _handle: { fd: number } })._handle.fd };
}

function serve(fd: number, { count = '1', options = [] as string[] } = {}) {
  const program = [process.execPath, cliProgram(), '--home', home, 'serve', ...options];
  const script = `LISTEN_PID=$$ LISTEN_FDS=${count} exec "$@"`;
  const child = spawn('sh', ['-c', script, 'sh', ...program], {
    stdio: ['ignore', 'pipe', 'pipe', fd],
  });
  return { child, ...listen(child as never) };
}

it('serves the socket that it is handed, whatever its own options name', async () => {
  const { server, fd } = await listener({ port: 0, host: '127.0.0.1' });
  const { port } = server.address() as AddressInfo;
  const { child, said, done } = serve(fd, { options: ['--host', '192.0.2.1'] });
  await until(() => said.stdout.includes('\n') || child.exitCode !== null);
  // This process listens there too, and must not answer.
  server.close();
  expect(said.stdout).toContain(`http://127.0.0.1:${port}\n`);
  expect((await fetch(`http://127.0.0.1:${port}/v1/health`)).status).toBe(200);
  child.kill('SIGTERM');
  expect(await done).toMatchObject({ code: 0 });
  expect(said.stderr).toContain('--host and --port are not used');
});

it('asks for the address of clients where the socket has none of its own', async () => {
  const { fd } = await listener({ port: 0, host: '0.0.0.0' });
  const run = await serve(fd).done;
  expect(refusal(run)).toEqual([2, 'usage']);
  expect(run.stderr).toContain('--public-url');
});

it('refuses what is no one socket of TCP, and says what to do', async () => {
  const { fd } = await listener({ path: join(home, 'socket') });
  const one = await serve(fd).done;
  expect(refusal(one)).toEqual([2, 'usage']);
  expect(one.stderr).toContain('ListenStream=');
  const several = await serve(fd, { count: '2' }).done;
  expect(refusal(several)).toEqual([2, 'usage']);
  expect(several.stderr).toContain('hands over 2 sockets');
});

it('leaves alone what was handed to another process', async () => {
  const { server, fd } = await listener({ port: 0, host: '127.0.0.1' });
  const { port } = server.address() as AddressInfo;
  const program = [process.execPath, cliProgram(), '--home', home, 'serve', '--port', '0'];
  const child = spawn(program[0]!, program.slice(1), {
    env: { ...process.env, LISTEN_PID: '1', LISTEN_FDS: '1' },
    stdio: ['ignore', 'pipe', 'pipe', fd],
  });
  const { said, done } = listen(child as never);
  await until(() => said.stdout.includes('\n') || child.exitCode !== null);
  expect(said.stdout).toMatch(/on http:\/\/127\.0\.0\.1:\d+\n/);
  expect(said.stdout).not.toContain(`:${port}\n`);
  child.kill('SIGTERM');
  expect(await done).toMatchObject({ code: 0 });
});
