import * as fs from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toBase64Url } from '../../bundle/base64.ts';
import { formatBegun, formatKeyRequest } from '../../admin/key-request.ts';
import { PROGRAM } from '../../cli/program.ts';
import { partsOf } from '../../usage/table.ts';
import { EXIT } from '../../protocol/errors.ts';
import { openDesk, refusal, startCli } from '../support/cli.ts';
import type { Desk } from '../support/cli.ts';
import { agentProgram, makeMachine } from '../support/machine.ts';
import type { Machine } from '../support/machine.ts';
import { makeAdmin, makeNode } from '../support/site.ts';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
const node = makeNode().id;
const folder = fs.mkdtempSync(join(tmpdir(), 'interrupt-'));
const request = join(folder, 'ada.json');
const keys = join(folder, 'node.keys');
const begun = join(folder, 'keyset-2.json');

/** Every command of `coatcheck` that asks a server, with what it needs. */
const ASKING: Record<string, string[]> = {
  pending: [],
  list: [],
  show: [node],
  diff: [node],
  approve: [node, '--yes'],
  reject: [node, 'ab'.repeat(32), '--reason', 'x', '--yes'],
  renew: [node, '--yes'],
  history: [node],
  rollback: [node, '1', '--yes'],
  reconfigure: [node, '--yes'],
  revoke: [node, '--reason', 'x', '--yes'],
  cosign: [node, '--yes'],
  forget: [node, '--yes'],
  log: [],
  edit: [node, 'etc/motd', '--yes'],
  put: [request, node, '--to', 'etc/motd', '--yes'],
  rm: ['etc/motd', node, '--yes'],
  set: ['swap=zram', node, '--yes'],
  transfer: [node, node, '--yes'],
  prepare: [keys, folder, '--yes'],
  repair: [],
  status: [],
  ui: ['--no-open'],
  'image revoke': [],
  'site set-server': [],
  'keys list': [],
  'keys add': [request, '--yes'],
  'keys remove': ['ada', '--yes'],
  'keys threshold': ['1', '--yes'],
  'keys sign': [begun, '--yes'],
  'keys reseal': [],
  'keys monitor': [join(folder, 'monitor.json'), '--for', 'nagios', '--expires', '30d'],
};
/** What ends by itself, and what the tests below are about. */
const OTHERS = [
  ...['init', 'serve', 'doctor', 'site paths', 'site add-path', 'key passphrase'],
  ...['unlock', 'lock', 'site expires', 'import', 'store copy', 'store verify', 'mirror'],
  ...['image keys', 'image sign', 'image verify', 'image policy'],
  ...['bundle inspect', 'bundle verify', 'bundle export'],
];

let desk: Desk;
let machine: Machine;
/** Takes requests, and never answers. */
const silent = createServer();
let url = '';
beforeAll(async () => {
  desk = await openDesk();
  fs.writeFileSync(request, formatKeyRequest(makeAdmin('ada').key));
  fs.writeFileSync(begun, formatBegun(desk.site.pinned));
  const { id, signKey, boxKey } = makeNode();
  fs.writeFileSync(keys, `${id}\nsign ${toBase64Url(signKey)}\nbox  ${toBase64Url(boxKey)}\n`);
  machine = makeMachine(desk.site);
  machine.write('etc/hostname', 'x\n');
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
});
afterAll(async () => {
  silent.closeAllConnections();
  silent.close();
  machine.remove();
  fs.rmSync(folder, { recursive: true });
  await desk.close();
});

const asked = (): Promise<unknown> => new Promise((resolve) => silent.once('request', resolve));

it('knows every command', () => {
  const commands = new Set(PROGRAM.commands.map((command) => partsOf(command).words.join(' ')));
  const names = [...Object.keys(ASKING), ...OTHERS].sort();
  expect([...commands].sort()).toEqual(names);
});

describe.each(SIGNALS)('%s', (signal) => {
  // One signal for all of them, and all signals for the others below, are enough for a look.
  const tags = signal === 'SIGINT' ? [] : ['long' as const];
  it.each(Object.entries(ASKING))(
    'ends %s while it waits, with 130',
    { tags },
    async (name, args) => {
      const waits = asked();
      const command = ['--home', desk.home, '--server', url, ...name.split(' '), ...args];
      const { child, done } = await startCli(command);
      await waits;
      child.kill(signal);
      expect(refusal(await done)).toEqual([EXIT.interrupted, 'interrupted']);
    },
  );

  it('ends doctor while it waits for a store, with 130', async () => {
    const pair = (n: number) => ({
      accessKeyId: `AKIAEXAMPLEOFATEST0${n}`,
      secretAccessKey: `q7Zr0Yk2mvB81sXhq7Zr0Yk2mvB81sX${n}`,
    });
    const pairs = { download: pair(1), upload: pair(2), admin: pair(3) };
    const credentials = join(desk.home, 'credentials.json');
    fs.writeFileSync(credentials, JSON.stringify(pairs));
    fs.chmodSync(credentials, 0o600);
    const waits = asked();
    const place = ['--store', 's3://bucket', '--endpoint', url, '--credentials', credentials];
    const { child, done } = await startCli(['--home', desk.home, 'doctor', ...place]);
    await waits;
    child.kill(signal);
    expect((await done).code).toBe(EXIT.interrupted);
  });

  it('stops the server, which was its task, with 0', async () => {
    const { child, said, done } = await startCli(['--home', desk.home, 'serve', '--port', '0']);
    while (!said.stdout.includes('\n')) await new Promise((resolve) => setTimeout(resolve, 20));
    child.kill(signal);
    const { code, stderr } = await done;
    expect(code).toBe(0);
    expect(stderr).toContain('stopped');
  });

  it.each([['boot'], ['propose']])(
    'ends coatcheck-agent %s while it waits, with 130',
    async (name) => {
      const waits = asked();
      const command = [process.execPath, agentProgram()];
      const { child, done } = machine.start(command, [
        '--root',
        machine.root,
        '--server',
        url,
        name,
      ]);
      await waits;
      child.kill(signal);
      const { code, stderr } = await done;
      expect(code).toBe(EXIT.interrupted);
      expect(stderr).toMatch(/coatcheck: .* \[interrupted\]\n$/);
    },
  );
});
