import { once } from 'node:events';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { freePort, spawnServer } from '../../local-minio/server-process.ts';
import type { ServerProcess } from '../../local-minio/server-process.ts';
import { createWebdavClient } from '../../store/webdav-client.ts';
import { probeWebdav } from '../../functions/doctor/webdav.ts';
import type { Finding } from '../../functions/doctor/probe.ts';
import { startServer } from '../../functions/serve/server.ts';
import { openWebdav } from '../../functions/stores/webdav.ts';
import { createFetch } from '../../net/fetch.ts';
import { readBody } from '../../protocol/objects.ts';
import { approvedKey } from '../../protocol/keys.ts';
import { startApache } from '../support/apache.ts';
import type { Apache } from '../support/apache.ts';
import { refusal, runCli, startServe } from '../support/cli.ts';
import type { Run } from '../support/run.ts';
import { describeWith } from '../support/components.ts';
import { makeNode, makeSite } from '../support/site.ts';
import { aWholeLife } from './whole-life.ts';

describeWith('apache', 'a server on a WebDAV server, a real Apache', () => {
  let apache: Apache;
  let folder: string;
  let home: string;
  let store: string[];
  let files: string;

  beforeAll(async () => {
    folder = fs.mkdtempSync(join(tmpdir(), 'coatcheck-webdav-'));
    apache = await startApache();
    home = join(folder, 'site');
    const init = ['init', '--no-passphrase', '--ca', apache.authority.caFile];
    expect(await runCli(['--home', home, ...init])).toMatchObject({ code: 0 });
    const place = apache.collection();
    ({ files } = place);
    const put = (name: string, text: string): string => {
      const path = join(folder, name);
      fs.writeFileSync(path, text, { mode: 0o600 });
      return path;
    };
    put('client.pem', place.certificate!);
    put('client.key', place.key!);
    const who = { user: place.user, password: place.password };
    const both = { ...who, certificate: 'client.pem', key: 'client.key' };
    const credentials = put('dav.json', JSON.stringify(both));
    put('wrong.json', JSON.stringify({ ...both, password: 'another' }));
    put('no-certificate.json', JSON.stringify(who));
    put('half.json', JSON.stringify({ ...who, certificate: 'client.pem' }));
    store = ['--store', place.url.replace('https:', 'webdavs:'), '--credentials', credentials];
  });
  afterAll(async () => {
    await (apache as Apache | undefined)?.stop();
    fs.rmSync(folder, { recursive: true });
  });
  const serve = (): Promise<Run> => runCli(['--home', home, 'serve', '--port', '0', ...store]);
  const serveAs = (file: string): Promise<Run> =>
    runCli([
      ...['--home', home, 'serve', '--port', '0', ...store.slice(0, 2)],
      ...['--credentials', join(folder, file)],
    ]);

  it('takes a proposal, shows it, records the decision, and gives the node what was approved', async () => {
    const { site, admins } = makeSite();
    const node = makeNode();
    const place = apache.collection();
    const opened = await openWebdav(place);
    const server = await startServer({ ...{ site, host: '127.0.0.1', port: 0 }, store: opened });
    await aWholeLife({ url: server.url, site, admin: admins[0]!, node });
    await server.close();
    // A machine reads it there without a server, as from any mirror, and lists nothing.
    const ask = createFetch({ ca: apache.authority.ca });
    const mirror = `${place.url}objects/`;
    const copy = await ask(`${mirror}${approvedKey(node.id)}`);
    expect(copy.status).toBe(200);
    const approved = await opened.whole.get(approvedKey(node.id), { maxBytes: 1e6 });
    expect(await readBody(copy, 1e6)).toEqual(approved!.body);
    for (const [method, path] of [
      ['GET', 'history/'],
      ['PROPFIND', 'approved/'],
      ['PUT', approvedKey(node.id)],
      ['DELETE', approvedKey(node.id)],
    ] as const) {
      expect((await ask(mirror + path, { method })).status).toBeGreaterThan(400);
    }
  });

  it('is one at a time: a second is told who writes, and the same machine goes on after a kill', async () => {
    const first = await startServe(['--home', home, 'serve', ...store]);
    const second = await serve();
    expect(refusal(second)[1]).toBe('in_use');
    expect(second.stderr).toContain(`process ${first.child.pid} on`);
    const ended = once(first.child, 'exit');
    first.child.kill('SIGKILL');
    await ended;
    const third = await startServe(['--home', home, 'serve', ...store]);
    expect(refusal(await serve())[1]).toBe('in_use');
    expect((await third.stop()).code).toBe(0);
    expect(fs.readdirSync(join(files, 'lease'))).toHaveLength(1);
    const last = await startServe(['--home', home, 'serve', ...store]);
    await last.stop();
  });

  it('is well for doctor, who names what only the lease keeps', async () => {
    const { stdout, code } = await runCli(['--home', home, '--json', 'doctor', ...store]);
    const { findings } = JSON.parse(stdout) as { findings: Finding[] };
    expect(findings.filter(({ status }) => status === 'fail')).toEqual([]);
    const warned = findings.filter(({ status }) => status === 'warn').map(({ probe }) => probe);
    expect(warned[0]).toBe('a PUT with If-None-Match looks and writes in one step');
    // Whether two writes fall into one tick of a clock is not for a test to say.
    expect(warned.slice(1).filter((probe) => probe !== 'each write has another ETag')).toEqual([]);
    expect(code).toBe(0);
    expect(fs.readdirSync(files).sort()).toEqual(['lease', 'objects']);
  });

  it.each([
    ['wrong.json', 'store_denied'],
    ['no-certificate.json', 'store_denied'],
    ['half.json', 'file_malformed'],
  ])('says what is wrong with %s', async (file, code) => {
    expect(refusal(await serveAs(file))[1]).toBe(code);
  });

  it('believes no server whose certificate has ended', async () => {
    const ended = apache.authority.issue('IP:127.0.0.1', ['20200101000000Z', '20200201000000Z']);
    const [cert, key] = ['ended.pem', 'ended.key'].map((name) => join(folder, name));
    fs.writeFileSync(cert!, ended.cert);
    fs.writeFileSync(key!, ended.key);
    const own = join(apache.folder, 'own');
    await apache.restart([
      [`${own}.pem`, cert!],
      [`${own}.key`, key!],
    ]);
    const refused = await serve();
    expect(refusal(refused)[1]).toBe('store_unavailable');
    expect(refused.stderr).toContain('CERT_HAS_EXPIRED');
    await apache.restart();
  });
});

describeWith('proxies', 'a plain nginx with its dav module', () => {
  let folder: string;
  let url: string;
  let nginx: ServerProcess;
  beforeAll(async () => {
    folder = fs.mkdtempSync(join(tmpdir(), 'coatcheck-nginx-'));
    fs.chmodSync(folder, 0o755);
    fs.mkdirSync(join(folder, 'files'));
    fs.chmodSync(join(folder, 'files'), 0o777);
    const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (name) => `${name}_temp_path ${folder}/${name};`,
    );
    for (let tries = 0; ; tries++) {
      const port = await freePort();
      url = `http://127.0.0.1:${port}/`;
      fs.writeFileSync(
        join(folder, 'nginx.conf'),
        `daemon off; pid ${folder}/pid; error_log stderr; events {}
         http { access_log off; ${paths.join(' ')}
           server { listen 127.0.0.1:${port}; root ${folder}/files;
             location / { dav_methods PUT DELETE MKCOL COPY MOVE; create_full_put_path on; } } }`,
      );
      nginx = spawnServer('nginx', ['-c', join(folder, 'nginx.conf')], {});
      const isThere = (): Promise<boolean> => fetch(url).then(Boolean, () => false);
      while (!nginx.hasEnded() && !(await isThere())) await sleep(20);
      if (!nginx.hasEnded()) return;
      if (tries > 4) throw new Error(nginx.said());
    }
  });
  afterAll(async () => {
    await nginx.stop();
    fs.rmSync(folder, { recursive: true });
  });

  it('writes over what is there, whatever it is told, so doctor and serve refuse it', async () => {
    const create = { method: 'PUT', headers: { 'if-none-match': '*' }, body: 'x' };
    expect((await fetch(`${url}one`, create)).status).toBe(201);
    expect((await fetch(`${url}one`, create)).status).toBe(204);
    const stale = { method: 'PUT', headers: { 'if-match': '"stale"' }, body: 'y' };
    expect((await fetch(`${url}one`, stale)).status).toBe(204);
    expect(await probeWebdav(createWebdavClient({ url }))).toMatchObject([
      { status: 'fail', probe: 'the server speaks WebDAV' },
    ]);
    const opened = await openWebdav({ url });
    await expect(opened.hold!()).rejects.toMatchObject({
      code: 'store_unavailable',
      message: expect.stringContaining('405') as string,
    });
    expect(fs.readdirSync(join(folder, 'files'))).toEqual(['one']);
  });
});
