import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startServer } from '../../functions/serve/server.ts';
import type { RunningServer } from '../../functions/serve/server.ts';
import { openFolder } from '../../functions/stores/folder.ts';
import { EXIT } from '../../protocol/errors.ts';
import { approvedKey } from '../../protocol/keys.ts';
import { openFilesystemStore } from '../../store/filesystem.ts';
import type { ObjectStore } from '../../store/port.ts';
import { approvedFrame, fileEntry } from '../support/frames.ts';
import { serveHttp } from '../support/http-servers.ts';
import { agentProgram, makeMachine } from '../support/machine.ts';
import type { Machine } from '../support/machine.ts';
import type { Run } from '../support/run.ts';
import { makeAdmin, makeSite } from '../support/site.ts';
import { contents } from '../support/stores.ts';

// cloud-init took its orders, as root, from whatever answered at an address that it had built in.
describe('cloud-init CVE-2024-6174: a rogue server cannot get anything applied', () => {
  const ours = makeSite();
  // What a rogue knows of the site is public: the id, the name, the machine's keys. Not the keyset's.
  const mallory = makeAdmin('mallory');
  const theirs = makeSite({ admins: [mallory] });
  let folder: string;
  let store: ObjectStore;
  let rogue: RunningServer;
  let machine: Machine;
  beforeAll(async () => {
    folder = fs.mkdtempSync(join(tmpdir(), 'coatcheck-rogue-'));
    store = await openFilesystemStore(folder, { create: true });
    rogue = await startServer({
      ...{ site: theirs.site, store: await openFolder(folder), host: '127.0.0.1', port: 0 },
    });
  });
  afterAll(async () => {
    await rogue.close();
    fs.rmSync(folder, { recursive: true });
  });
  beforeEach(() => {
    machine = makeMachine({ ...ours.site, servers: [] });
    machine.write('etc/hostname', 'mine\n');
    machine.write('etc/shadow', 'root:secret:1::::::\n', 0o600);
  });
  afterEach(() => machine.remove());

  const code = ({ stderr }: Run): string | undefined => /\[(\w+)\]\n$/.exec(stderr)?.[1];

  it('whose keys are not pinned in the image, although it serves the same site', async () => {
    const files = [fileEntry('root/.ssh/authorized_keys', 'ssh-ed25519 AAAA mallory\n', 0o600)];
    const key = approvedKey(machine.identity.id);
    await store.create(key, approvedFrame(theirs, machine.identity, files));
    const before = machine.tree();
    const run = await machine.run('--server', rogue.url, 'boot', '--once');
    expect([run.code, code(run)]).toEqual([EXIT.refused, 'not_pinned']);
    expect(machine.tree()).toEqual(before);
    expect(fs.existsSync(machine.path('var'))).toBe(false); // nor anything remembered
    // The frame itself is good: a machine of the rogue's own site obeys it.
    const victim = makeMachine(theirs.site, machine.path('etc/coatcheck/key'));
    expect((await victim.run('--server', rogue.url, 'boot', '--once')).code).toBe(0);
    victim.remove();
  });

  it('and learns nothing: a proposal is sealed to pinned administrators, or not made', async () => {
    const before = await contents(store);
    for (const command of [['propose'], ['boot', '--once']]) {
      const run = await machine.run('--server', rogue.url, ...command);
      expect([run.code, code(run)], command[0]).toEqual([EXIT.refused, 'not_pinned']);
    }
    expect(await contents(store)).toEqual(before);
  });

  it('nor by sending the machine elsewhere', async () => {
    const asked: string[] = [];
    const inside = await serveHttp((request, response) => {
      asked.push(request.url!);
      response.end('root-password');
    });
    const now = Math.floor(Date.now() / 1000);
    for (const [status, url] of [
      [200, 'file:///etc/shadow'],
      [200, 'data:text/plain,hello'],
      [200, `${inside.url}/latest/meta-data`],
      [302, `${inside.url}/redirect`],
    ] as const) {
      const liar = await serveHttp((_, response) => {
        response.writeHead(status, { location: url });
        response.end(JSON.stringify({ url, expiresAt: now + 900, now }));
      });
      const before = machine.tree();
      const run = await machine.run('--server', liar.url, 'boot', '--once');
      expect([EXIT.unavailable, EXIT.refused], `${status} ${url}: ${run.stderr}`).toContain(
        run.code,
      );
      expect(run.stdout + run.stderr).not.toContain('root-password');
      expect(machine.tree()).toEqual(before);
      await liar.close();
    }
    // What it says may be fetched, unsigned, and is then verified; a redirection is not followed.
    expect(asked).toEqual(['/latest/meta-data']);
    await inside.close();
  });

  it('nor is any address built in: where the image names no server, nothing is asked', async () => {
    const tell = `data:text/javascript,${encodeURIComponent(`
      import net from 'node:net';
      const connect = net.Socket.prototype.connect;
      net.Socket.prototype.connect = function (...args) {
        process.stderr.write('connects ');
        return connect.apply(this, args);
      };
    `)}`;
    const command = [process.execPath, '--import', tell, agentProgram(), '--root', machine.root];
    const asks = await machine.start(command, ['--server', rogue.url, 'boot', '--once']).done;
    expect(asks.stderr).toContain('connects');
    for (const args of [['boot', '--once'], ['boot', '--wait', '1'], ['propose']]) {
      const run = await machine.start(command, args).done;
      expect([run.code, code(run)]).toEqual([EXIT.usage, 'usage']);
      expect(run.stderr).not.toContain('connects');
    }
  });
});
