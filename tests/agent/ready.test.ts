import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Manners } from '../../agent/ready/ask.ts';
import type { Engine } from '../../agent/ready/config.ts';
import { readEngine, readWebhook } from '../../agent/ready/config.ts';
import { registerHost } from '../../agent/ready/engine.ts';
import { runHooks } from '../../agent/ready/hooks.ts';
import { callWebhook } from '../../agent/ready/webhook.ts';
import { withRoot } from '../../agent/tree/folder.ts';
import { codeOf } from '../../protocol/errors.ts';
import { verifyRequest } from '../../protocol/request-signature.ts';
import { makeAuthority } from '../support/certificates.ts';
import type { Authority } from '../support/certificates.ts';
import { describeWith } from '../support/components.ts';
import { serveHttp } from '../support/http-servers.ts';
import { OVIRT_VERSIONS, startOvirt } from '../support/ovirt.ts';
import type { Ovirt } from '../support/ovirt.ts';
import { makeNode, makeSite } from '../support/site.ts';

const PASSWORD = 'pass&word=+ %40';
const USER = { username: 'admin@internal', password: PASSWORD };
const HOST = { name: 'node-7.example', address: 'node-7.example' };
const HOSTS = '/ovirt-engine/api/hosts';
const TOKEN = '/ovirt-engine/sso/oauth/token';

let folder: string;
let authority: Authority;
let other: Authority;
beforeAll(() => {
  folder = fs.mkdtempSync(join(tmpdir(), 'ready-'));
});
afterAll(() => fs.rmSync(folder, { recursive: true }));

const manners: Manners = { pause: () => Promise.resolve(), limitSeconds: 5 };

async function refusalOf(act: Promise<unknown>): Promise<[string, string]> {
  try {
    await act;
  } catch (error) {
    return [codeOf(error), (error as Error).message];
  }
  throw new Error('it was done');
}

describeWith('openssl', 'an oVirt Engine', () => {
  beforeAll(() => {
    authority = makeAuthority(join(folder, 'authority'));
    other = makeAuthority(join(folder, 'other'));
  });
  let ovirt: Ovirt;
  beforeEach(async () => {
    ovirt = await startOvirt({ authority, user: USER });
  });
  afterEach(async () => {
    expect(ovirt.complaints).toEqual([]);
    await ovirt.close();
  });

  const printOf = ({ ca }: Authority, bits: 'fingerprint' | 'fingerprint256'): string =>
    new X509Certificate(ca)[bits].replaceAll(':', '');
  const engine = (more: Partial<Engine> = {}): Engine => ({
    ...{ server: 'localhost', port: ovirt.port, cluster: 'Default' },
    fingerprint: printOf(authority, 'fingerprint'),
    ...more,
  });
  const register = (more: Partial<Engine> = {}, user = USER): Promise<boolean> =>
    registerHost(engine(more), user, HOST, manners);

  it('gets this machine as a host, by a token and its own CA', async () => {
    expect(await register()).toBe(true);
    expect(ovirt.hosts).toMatchObject([{ ...HOST, cluster: 'Default' }]);
    expect(ovirt.asked).toEqual([
      ...['GET /ovirt-engine/services/pki-resource', `POST ${TOKEN}`, `POST ${HOSTS}`],
    ]);
  });

  it('is pinned by SHA-256 too', async () => {
    expect(await register({ fingerprint: printOf(authority, 'fingerprint256') })).toBe(true);
  });

  it('may know this machine already, but no other by its name', async () => {
    await register();
    expect(await register()).toBe(false);
    expect(ovirt.hosts).toMatchObject([HOST]);
    const [host] = ovirt.hosts;
    ovirt.hosts.splice(0, 1, { ...host!, address: 'another.example' });
    const [code, message] = await refusalOf(register());
    expect(code).toBe('step_failed');
    expect(message).toContain('The Host name is already in use, choose another one.');
  });

  it('has another name for its address: that is said, and nothing is added', async () => {
    await register();
    ovirt.hosts.splice(0, 1, { ...ovirt.hosts[0]!, name: 'old-name.example' });
    const [code, message] = await refusalOf(register());
    expect([code, message]).toEqual([
      'step_failed',
      expect.stringContaining('The Host address is already in use'),
    ]);
    expect(ovirt.hosts).toHaveLength(1);
  });

  it('leaves a host in maintenance where an administrator put it, after each boot', async () => {
    await register();
    ovirt.hosts[0]!.status = 'maintenance';
    ovirt.asked.length = 0;
    expect(await register()).toBe(false);
    expect(ovirt.hosts).toMatchObject([{ ...HOST, status: 'maintenance' }]);
    expect(ovirt.asked.filter((path) => path.includes('/api/'))).toEqual([
      ...[`POST ${HOSTS}`, `GET ${HOSTS}`],
    ]);
  });

  it.each(OVIRT_VERSIONS)(
    'of version %s, by its published model, puts the machine into its cluster, and does not start it anew',
    async (version) => {
      const clusters = ['Default', 'Racks'];
      const published = await startOvirt({ authority, user: USER, version, clusters });
      const { port } = published;
      expect(await register({ port, cluster: 'Racks' })).toBe(true);
      // What the engine put on a machine without a disk would be gone.
      expect(published.hosts).toEqual([
        { ...HOST, cluster: 'Racks', status: 'installing', reboots: false },
      ]);
      expect(await register({ port, cluster: 'Racks' })).toBe(false);
      expect((await refusalOf(register({ port, cluster: 'Attic' })))[1]).toContain(
        'Entity not found, Cluster: name=Attic',
      );
      expect(published.complaints).toEqual([]);
      await published.close();
    },
  );

  it('gets no credentials where its CA is another one, or none is pinned', async () => {
    const [code, message] = await refusalOf(
      register({ fingerprint: printOf(other, 'fingerprint') }),
    );
    expect([code, message]).toEqual(['step_failed', expect.stringContaining('is not the one')]);
    const { fingerprint: _, ...unpinned } = engine();
    expect((await refusalOf(registerHost(unpinned, USER, HOST, manners)))[1]).toContain(
      'management_server_fingerprint',
    );
    expect(ovirt.asked.join()).not.toContain('POST');
  });

  it('gets no credentials where it shows the right CA and is another', async () => {
    const rogue = await startOvirt({ authority: other, shows: authority, user: USER });
    const [code] = await refusalOf(register({ port: rogue.port }));
    expect(code).toBe('server_unreachable');
    expect(rogue.asked.join()).not.toContain('POST');
    await rogue.close();
  });

  it('is asked for a new token once, where one has expired', async () => {
    ovirt.fail(HOSTS, 401);
    expect(await register()).toBe(true);
    expect(ovirt.asked.filter((path) => path.endsWith('token'))).toHaveLength(2);
    ovirt.fail(HOSTS, 401, 401);
    expect((await refusalOf(register()))[0]).toBe('step_failed');
  });

  it('is asked again while it is not there, or fails, or loses its answer', async () => {
    ovirt.fail('/ovirt-engine/services/pki-resource', 503, 502);
    ovirt.fail(TOKEN, 500, 'lost');
    ovirt.fail(HOSTS, 429, 'lost', 503);
    // The host was added by a request whose answer was lost: it is there already.
    expect(await register()).toBe(false);
    expect(ovirt.hosts).toMatchObject([HOST]);
  });

  it('is left alone after six tries', async () => {
    ovirt.fail(TOKEN, ...Array<number>(10).fill(500));
    const [code, message] = await refusalOf(register());
    expect([code, message]).toEqual(['server_unreachable', expect.stringContaining('500')]);
    expect(ovirt.asked.filter((path) => path.endsWith('token'))).toHaveLength(6);
  });

  it('refuses a wrong password, which no message has', async () => {
    const [code, message] = await refusalOf(register({}, { ...USER, password: 'wr0ng-secret' }));
    expect([code, message]).toEqual(['step_failed', expect.stringContaining('gave no token')]);
    expect(message).not.toContain('wr0ng-secret');
  });

  it('that never answers is given up', async () => {
    const sockets: Socket[] = [];
    const silent = createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const late = registerHost(engine({ port }), USER, HOST, { ...manners, limitSeconds: 0.1 });
    const [code, message] = await refusalOf(late);
    expect([code, message]).toEqual(['server_unreachable', expect.stringContaining('no answer')]);
    expect(sockets).toHaveLength(6);
    sockets.forEach((socket) => socket.destroy());
    silent.close();
  });
});

describe('a webhook', () => {
  const { site } = makeSite();
  const identity = makeNode('ready');
  const node = { identity, site, now: () => 1_790_000_123 };
  const about = {
    ...{ statement: 'ab'.repeat(32), seq: 7, isApproved: true },
    failed: [{ what: 'sick.service', why: 'a word that stays here' }],
  };

  it('hears of this machine in a request that its id proves', async () => {
    const bodies: string[] = [];
    const statuses = [503, 204];
    const server = await serveHttp((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body = Buffer.concat(chunks);
        const keys = verifyRequest({
          ...{ method: request.method!, body, site: site.id, now: 1_790_000_100 },
          url: new URL(request.url!, `http://${request.headers.host!}`),
          header: (name) => request.headers[name] as string | undefined,
        });
        expect(keys.signKey).toEqual(identity.signKey);
        bodies.push(body.toString());
        response.writeHead(statuses.shift()!).end();
      });
    });
    await callWebhook(node, { url: `${server.url}/hook?x=1` }, about, manners);
    expect(JSON.parse(bodies[1]!)).toEqual({
      ...{ coatcheck: 'ready/1', node: identity.id, site: expect.any(String) as string },
      ...{ hostname: expect.any(String) as string, time: 1_790_000_123 },
      ...{ statement: about.statement, seq: 7, approved: true, failed: ['sick.service'] },
    });
    await server.close();
    const gone = callWebhook(node, { url: server.url }, about, manners);
    expect((await refusalOf(gone))[0]).toBe('server_unreachable');
  });

  it('is left alone as long as it asks for, but for a minute at most', async () => {
    const asked = ['7', '3600', undefined];
    const server = await serveHttp((_, response) => {
      if (asked.length === 0) {
        response.end();
        return;
      }
      const after = asked.shift();
      response.writeHead(429, after === undefined ? {} : { 'retry-after': after }).end();
    });
    const pauses: number[] = [];
    const pause = (seconds: number) => Promise.resolve(void pauses.push(seconds));
    await callWebhook(node, { url: server.url }, about, { ...manners, pause });
    await server.close();
    expect(pauses.map((seconds, i) => [seconds >= [7, 60, 0][i]!, seconds <= 60])).toEqual(
      Array(3).fill([true, true]),
    );
  });

  it('that answers anything but 2xx has failed, redirects too', async () => {
    const server = await serveHttp((_, response) => {
      response.writeHead(302, { location: '/elsewhere' }).end();
    });
    const [code, message] = await refusalOf(callWebhook(node, server, about, manners));
    expect([code, message]).toEqual(['step_failed', expect.stringContaining('302')]);
    await server.close();
  });
});

describe('the files that say who is to be told', () => {
  let root: string;
  const write = (name: string, text: string, mode = 0o600): void => {
    const path = join(root, 'etc/coatcheck', name);
    fs.mkdirSync(join(path, '..'), { recursive: true });
    fs.writeFileSync(path, text);
    fs.chmodSync(path, mode);
  };
  beforeEach(() => {
    root = fs.mkdtempSync(join(folder, 'root-'));
  });
  const engineOf = (): unknown => withRoot(root, readEngine);

  it('are an engine and its credentials together', () => {
    expect(engineOf()).toBeUndefined();
    const print = 'aB:'.repeat(19) + 'aB';
    write('engine.json', JSON.stringify({ server: 'e.example', port: 8443, fingerprint: print }));
    expect(engineOf()).toBeUndefined();
    write('engine-credentials.json', JSON.stringify(USER));
    expect(engineOf()).toEqual({
      engine: { server: 'e.example', port: 8443, fingerprint: 'AB'.repeat(20), cluster: 'Default' },
      credentials: USER,
    });
  });

  it.each([
    ['engine.json', '{"server":"e/../x"}', 'server'],
    ['engine.json', '{"server":"e","port":0}', 'port'],
    ['engine.json', '{"server":"e","fingerprint":"AB:CD"}', 'fingerprint'],
    ['engine-credentials.json', '{"username":"s3cret-name","passwort":"s3cret"}', 'passwor'],
    ['engine-credentials.json', '{"s3cret', 'engine-credentials.json'],
  ])('are refused as %s with %s, without their words', (name, text, names) => {
    write('engine.json', '{"server":"e"}');
    write('engine-credentials.json', JSON.stringify(USER));
    write(name, text);
    expect(engineOf).toThrow(names);
    expect(engineOf).not.toThrow('s3cret');
  });

  it('are refused where others may read the credentials', () => {
    write('engine.json', '{"server":"e"}');
    write('engine-credentials.json', JSON.stringify(USER), 0o640);
    expect(engineOf).toThrow('can be read by others');
  });

  it.each(['ftp://x/', 'http://u:p@x/', 'x', 'file:///etc/passwd'])('name no webhook %s', (url) => {
    write('ready.json', JSON.stringify({ coatcheck: 'ready/1', webhook: { url } }));
    expect(() => withRoot(root, readWebhook)).toThrow('webhook.url');
  });
});

describe('the executables of ready.d', () => {
  let root: string;
  const notes: string[] = [];
  const hook = (name: string, text: string, mode = 0o755): void => {
    const path = join(root, 'etc/coatcheck/ready.d', name);
    fs.mkdirSync(join(path, '..'), { recursive: true });
    fs.writeFileSync(path, `#!/bin/sh\n${text}\n`);
    fs.chmodSync(path, mode);
  };
  beforeEach((context) => {
    if (process.getuid?.() !== 0) context.skip('only what belongs to root is run');
    notes.length = 0;
    root = fs.mkdtempSync(join(folder, 'root-'));
  });
  const runAll = (seconds?: number): ReturnType<typeof runHooks> =>
    runHooks(root, { note: (line) => notes.push(line) }, { COATCHECK_SEQ: '7' }, seconds);

  it('run by name, each told what is applied, and one that fails stops no other', async () => {
    hook('20-second', 'echo second $COATCHECK_SEQ; echo bad >&2; exit 3');
    hook('10-first', 'echo first');
    hook('30-third.sh', 'echo third');
    hook('README', 'echo never', 0o644);
    hook('.hidden', 'echo never');
    hook('40-old~', 'echo never');
    expect(await runAll()).toEqual({
      done: ['ready.d/10-first', 'ready.d/30-third.sh'],
      failed: [{ what: 'ready.d/20-second', why: 'exit status 3' }],
    });
    expect(notes).toEqual([
      'ready.d/10-first: first',
      'ready.d/20-second: second 7',
      'ready.d/20-second: bad',
      'ready.d/30-third.sh: third',
    ]);
  });

  it('end with their children when their time is over', async () => {
    const pidFile = join(root, 'pid');
    hook('10-stuck', `sleep 600 & echo $! > ${pidFile}; wait`);
    hook('20-next', 'true');
    expect(await runAll(1)).toEqual({
      done: ['ready.d/20-next'],
      failed: [{ what: 'ready.d/10-stuck', why: 'it took more than 1 s' }],
    });
    const stat = `/proc/${fs.readFileSync(pidFile, 'utf8').trim()}/stat`;
    const isOver = (): boolean => !fs.existsSync(stat) || / Z /.test(fs.readFileSync(stat, 'utf8'));
    await expect.poll(isOver).toBe(true);
  });

  it('are not run where anybody but root could have written them', async () => {
    hook('10-group', 'true', 0o775);
    hook('20-world', 'true', 0o757);
    hook('30-other', 'true');
    fs.chownSync(join(root, 'etc/coatcheck/ready.d/30-other'), 65534, 0);
    hook('40-good', 'true');
    fs.symlinkSync('/bin/true', join(root, 'etc/coatcheck/ready.d/50-link'));
    const { done, failed } = await runAll();
    expect(done).toEqual(['ready.d/40-good']);
    expect(failed.map(({ what }) => what)).toEqual([
      ...['ready.d/10-group', 'ready.d/20-world', 'ready.d/30-other', 'ready.d/50-link'],
    ]);
    fs.chmodSync(join(root, 'etc/coatcheck/ready.d'), 0o777);
    expect((await runAll()).done).toEqual([]);
  });
});
