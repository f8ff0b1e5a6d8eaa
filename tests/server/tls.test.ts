import * as fs from 'node:fs';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { createFetch } from '../../net/fetch.ts';
import { formatSite } from '../../protocol/site.ts';
import type { Site } from '../../protocol/site.ts';
import { refusal, runCli, startServe } from '../support/cli.ts';
import type { Served } from '../support/cli.ts';
import { makeAuthority } from '../support/certificates.ts';
import type { Authority } from '../support/certificates.ts';
import { describeWith } from '../support/components.ts';
import { makeMachine } from '../support/machine.ts';
import { makeSite } from '../support/site.ts';
import { withTemporaryFolder } from '../support/temporary-folder.ts';
import { aWholeLife } from './whole-life.ts';

describeWith('openssl', 'a server with a certificate', () => {
  const { site: bare, admins } = makeSite();
  let home: string;
  let authority: Authority;
  let site: Site;
  withTemporaryFolder('tls', (made) => (home = made));
  const at = (name: string): string => join(home, name);
  const flags = (): string[] => ['--tls-cert', at('cert.pem'), '--tls-key', at('key.pem')];

  function put({ key, cert }: { key: string; cert: string }): void {
    fs.writeFileSync(at('cert.pem'), cert);
    fs.writeFileSync(at('key.pem'), key, { mode: 0o600 });
  }
  async function served(): Promise<Served> {
    const server = await startServe(['--home', home, 'serve', ...flags()]);
    onTestFinished(async () => {
      await server.stop();
    });
    return server;
  }
  /** The fingerprint of what a new connection is shown. */
  async function shown({ url }: Served): Promise<string> {
    const { hostname: host, port } = new URL(url);
    const socket = connectTls({ host, port: Number(port), ca: authority.ca });
    await once(socket, 'secureConnect');
    const { fingerprint256 } = socket.getPeerCertificate();
    socket.destroy();
    return fingerprint256;
  }

  beforeEach(() => {
    authority = makeAuthority(at('ca'));
    site = { ...bare, ca: authority.ca };
    fs.writeFileSync(at('site.json'), formatSite(site));
    put(authority.issue('IP:127.0.0.1'));
  });

  it('takes a machine from its proposal to its boot, over TLS and nothing else', async () => {
    const { url } = await served();
    expect(url).toMatch(/^https:/);
    const machine = makeMachine({ ...site, servers: [url] });
    onTestFinished(() => machine.remove());
    await aWholeLife({ url, site, admin: admins[0]!, node: machine.identity });
    expect(await machine.run('boot', '--once')).toMatchObject({ code: 0 });
    await expect(createFetch()(url.replace('https', 'http'))).rejects.toThrow();
  });

  it('shows a renewed certificate after SIGHUP, and keeps the one of before where the new one is none', async () => {
    const server = await served();
    const first = await shown(server);
    put(authority.issue('IP:127.0.0.1'));
    expect(await shown(server)).toBe(first);
    server.child.kill('SIGHUP');
    await expect.poll(() => server.said.stderr).toContain('was read again');
    const second = await shown(server);
    expect(second).not.toBe(first);

    const { key } = authority.issue('IP:127.0.0.1');
    fs.writeFileSync(at('key.pem'), key, { mode: 0o600 });
    server.child.kill('SIGHUP');
    await expect.poll(() => server.said.stderr).toContain('the certificate of before is kept: ');
    expect(await shown(server)).toBe(second);
  });

  it('stops though somebody never agrees on TLS', async () => {
    const server = await startServe(['--home', home, 'serve', ...flags()]);
    const { hostname: host, port } = new URL(server.url);
    const socket = connect({ host, port: Number(port) }).on('error', () => undefined);
    await once(socket, 'connect');
    // A connection that came after it was accepted: so was it.
    await shown(server);
    expect(await server.stop()).toMatchObject({ code: 0 });
    socket.destroy();
  });

  it('does not start with what is no certificate with its key', async () => {
    const ends = async (): Promise<unknown> =>
      refusal(await runCli(['--home', home, 'serve', '--port', '0', ...flags()]));
    const other = authority.issue('IP:127.0.0.1');
    fs.writeFileSync(at('key.pem'), other.key);
    expect(await ends()).toEqual([2, 'file_malformed']);
    put(authority.issue('IP:127.0.0.1', ['20200101000000Z', '20210101000000Z']));
    expect(await ends()).toEqual([2, 'file_malformed']);
    put({ ...other, cert: 'no certificate' });
    expect(await ends()).toEqual([2, 'file_malformed']);
    put(other);
    fs.chmodSync(at('key.pem'), 0o644);
    expect(await ends()).toEqual([2, 'file_unsafe']);
    const alone = ['--home', home, 'serve', '--port', '0', '--tls-key', at('key.pem')];
    expect(refusal(await runCli(alone))).toEqual([2, 'usage']);
  });
});
