// @module-tag long
import * as fs from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { TestContext } from 'vitest';
import { startServer } from '../../functions/serve/server.ts';
import { openFolder } from '../../functions/stores/folder.ts';
import { approvedKey } from '../../protocol/keys.ts';
import type { Site } from '../../protocol/site.ts';
import { openFilesystemStore } from '../../store/filesystem.ts';
import { describeWith } from '../support/components.ts';
import { approvedFrame, fileEntry } from '../support/frames.ts';
import { startLab } from '../support/lab.ts';
import type { Lab } from '../support/lab.ts';
import { agentProgram, makeMachine } from '../support/machine.ts';
import type { Machine } from '../support/machine.ts';
import { openNetwork, until } from '../support/network.ts';
import type { NetMachine, Network } from '../support/network.ts';
import { makeSite } from '../support/site.ts';
import { openScreen } from '../support/tmux.ts';
import type { Screen } from '../support/tmux.ts';

/** Machines before a server that is really absent, or without any network. Side by side: they wait. */

const ALLOWED = { unapprovedWhenUnreachable: true };

/** Of the test itself: those of tests that run side by side are told apart by nothing else. */
type OnTestFinished = TestContext['onTestFinished'];

const configured = (machine: Machine): string[] =>
  Object.keys(machine.tree()).filter((path) => path.startsWith('etc/'));

describeWith('terminal', 'coatcheck.unreachable=prompt', () => {
  describeWith('network', 'and a network that does not come up', () => {
    const QUESTION = 'What to do (wait, configure) [wait]:';

    it.concurrent(
      'asks again after "wait", and asks no more once the server is back',
      async ({ onTestFinished }) => {
        const { lab, machine, screen } = await atTheConsole(onTestFinished, { approved: true });
        await eventually(screen, QUESTION);
        expect(screen.text()).toMatch(/^No server answers: [^]*ECONNREFUSED/m);
        expect(screen.text()).toContain('configure  by hand: UNAPPROVED, nobody has reviewed it');
        await screen.answer(QUESTION, 'wait');
        await eventually(screen, QUESTION, 2);
        expect(configured(machine)).toEqual([]);
        await lab.start();
        await eventually(screen, 'applied decision 1');
        expect(machine.read('etc/motd')).toBe('approved\n');
        expect(screen.text()).not.toContain('Host name');
      },
    );

    it.concurrent(
      'applies UNAPPROVED what somebody configures, and proposes it once the server is back',
      async ({ onTestFinished }) => {
        const { lab, machine, screen } = await atTheConsole(onTestFinished, { approved: false });
        await eventually(screen, QUESTION);
        await screen.answer(QUESTION, 'configure');
        await screen.answer('Host name [node1]:', 'byhand');
        expect(screen.text()).toContain('UNAPPROVED: your answers are applied, and');
        const network = ['[link]:', '[dhcp]:', 'IPv6 [off]:', 'bond]:', 'Bond [none]:'];
        const access = ['of root', 'of admin', 'over ssh', 'Keyboard'];
        for (const question of [...network, 'Name servers', 'Time servers', ...access]) {
          await screen.answer(question, '');
        }
        for (const question of ['Engine', 'Log server', 'Swap [none]:']) {
          await screen.answer(question, '');
        }
        expect(configured(machine)).toEqual([]);
        await screen.answer('Apply it?', 'yes');
        await screen.until(
          'UNAPPROVED: what is applied now was decided by nobody but this machine',
        );
        await until(() => machine.tree()['etc/hostname'] === '644 byhand\n');
        await lab.start();
        await eventually(screen, 'what runs here without approval is proposed');
        expect((await machine.json('status'))['applied']).toMatchObject({ seq: 0 });
        const { objects } = await lab.admin.list({ prefix: 'pending', node: machine.identity.id });
        expect(objects).toHaveLength(1);
      },
    );

    it.concurrent(
      'is waited for, with the words of the machine: it goes on once a DHCP server answers',
      async ({ onTestFinished }) => {
        const { network, serve, frame, boot, tree } = await switchedOn(onTestFinished, {
          programs: ['udhcpc'],
        });
        const { child, said } = boot('');
        // Its words come after, in a line of their own.
        await until(() => said.stderr.includes('waiting since') || child.exitCode !== null);
        expect(said.stderr).toMatch(
          /\nthis machine:\n +\w.*\n\nudhcpc -i eth0 .* no lease.*\[network_down\], waiting since/,
        );
        expect([child.exitCode, tree()]).toEqual([null, {}]);
        await serve(frame);
        await network.dnsmasq(['--dhcp-range=10.77.0.50,10.77.0.99,255.255.255.0,10m']);
        await until(() => child.exitCode !== null);
        expect([child.exitCode, tree()], said.stderr).toEqual([0, { 'etc/motd': APPROVED }]);
      },
    );

    it.concurrent('leads to a mirror that needs none', async ({ onTestFinished }) => {
      const { node, boot, frame, tree, folder } = await switchedOn(onTestFinished, {
        linked: false,
      });
      fs.writeFileSync(join(folder, 'copy'), frame);
      const web = node.start([process.execPath, '-e', COPIES, join(folder, 'copy')]);
      await until(() => web.said.stdout === 'ready\n');
      const { child, said } = boot('coatcheck.mirror=http://127.0.0.1:8000/copies');
      await until(() => child.exitCode !== null);
      expect(said.stderr).toContain('taking decision 1 from http://127.0.0.1:8000/copies');
      expect(said.stderr).toMatch(
        /the report was not sent: no network interface has link .*\[network_down\]/,
      );
      expect([child.exitCode, tree()]).toEqual([0, { 'etc/motd': APPROVED }]);
    });

    it.concurrent(
      'is gone on without, UNAPPROVED, where policy and site allow it: proposed once it is up',
      async ({ onTestFinished }) => {
        const { node, boot, serve, tree } = await switchedOn(onTestFinished, { site: ALLOWED });
        const { child, said } = boot('hostname=n3 ip=dhcp coatcheck.unreachable=reconfigure');
        await until(() => tree()['etc/hostname'] !== undefined || child.exitCode !== null);
        expect([child.exitCode, tree()['etc/hostname']], said.stderr).toEqual([null, '644 n3\n']);
        expect(said.stderr).toMatch(/this image has none of .*\[network_down\], waiting since/);
        await serve();
        // As a manager of networks, which has read its new configuration.
        await node.run(['ip', 'addr', 'add', '10.77.0.9/24', 'dev', 'eth0']);
        await node.run(['ip', 'route', 'add', 'default', 'via', '10.77.0.1']);
        await until(() => child.exitCode !== null);
        expect(said.stderr).toContain('what runs here without approval is proposed');
        expect(child.exitCode, said.stderr).toBe(0);
      },
    );
  });
});

/** A machine whose site allows what nobody approved, on a real terminal, and whose server is down. */
async function atTheConsole(
  onTestFinished: OnTestFinished,
  { approved }: { approved: boolean },
): Promise<{ lab: Lab; machine: Machine; screen: Screen }> {
  const lab = await startLab();
  const machine = makeMachine({ ...lab.site, ...ALLOWED });
  onTestFinished(async () => {
    machine.remove();
    await lab.close();
  });
  machine.write('usr/lib/systemd/system/systemd-networkd.service', '[Service]\n');
  machine.write('cmdline', 'stateless hostname=node1 coatcheck.unreachable=prompt\n');
  if (approved) {
    const digest = await lab.propose(machine.identity, { 'etc/motd': 'approved\n' });
    await lab.approve(machine.identity, digest);
  }
  await lab.stop();
  const agent = [process.execPath, agentProgram(), '--root', machine.root, 'start'];
  const line = ['--command-line', machine.path('cmdline'), '--no-network'];
  const screen = await openScreen([...agent, ...line], { rows: 40 });
  onTestFinished(() => screen.close());
  return { lab, machine, screen };
}

/** As `until`, for what takes a minute: it looks twice a second, until the test's own limit. */
async function eventually(screen: Screen, text: string, times = 1): Promise<void> {
  while (screen.text().split(text).length <= times) {
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

const SERVER = '10.77.0.2:8420';
const APPROVED = '644 approved\n';
const ours = makeSite();

/** A machine with one interface, on a switch where nobody answers, and what an administrator approved. */
async function switchedOn(
  onTestFinished: OnTestFinished,
  {
    site = {},
    programs = [],
    linked = true,
  }: { site?: Partial<Site>; programs?: readonly string[]; linked?: boolean },
): Promise<{
  network: Network;
  node: NetMachine;
  folder: string;
  frame: Uint8Array;
  tree: Machine['tree'];
  boot: (line: string) => ReturnType<NetMachine['start']>;
  /** The server is there from now on, with this configuration, if it has one. */
  serve: (approved?: Uint8Array) => Promise<void>;
}> {
  const network = await openNetwork();
  onTestFinished(() => network.close());
  const machine = makeMachine({ ...ours.site, servers: [`http://${SERVER}`], ...site });
  onTestFinished(() => machine.remove());
  machine.write('usr/lib/systemd/system/systemd-networkd.service', '[Service]\n');
  const nic = { name: 'eth0', mac: '52:54:00:77:00:01', linked };
  const node = await network.machine([nic], ['systemctl', ...programs]);
  const image = Object.keys(machine.tree());
  const { identity } = machine;
  return {
    ...{ network, node, folder: network.folder },
    frame: approvedFrame(ours, identity, [fileEntry('etc/motd', 'approved\n')]),
    tree: () => {
      const all = Object.entries(machine.tree());
      return Object.fromEntries(all.filter(([path]) => !image.includes(path)));
    },
    boot(line) {
      node.setCommandLine(`stateless ${line}`);
      return node.start([process.execPath, agentProgram(), '--root', machine.root, 'start']);
    },
    async serve(approved) {
      const folder = join(network.folder, 'store');
      const store = await openFilesystemStore(folder, { create: true });
      if (approved !== undefined) await store.create(approvedKey(identity.id), approved);
      const server = await startServer({
        ...{ site: ours.site, store: await openFolder(folder), host: '127.0.0.1', port: 0 },
        publicUrl: `http://${SERVER}`,
      });
      onTestFinished(() => server.close());
      await network.publish(SERVER, server.port);
    },
  };
}

/** A web server on the loopback interface that has one file. */
const COPIES = `
  const { createServer } = require('node:http');
  const body = require('node:fs').readFileSync(process.argv[1]);
  const isCopy = (url) => url.startsWith('/copies/approved/');
  createServer(({ url }, answer) => answer.writeHead(isCopy(url) ? 200 : 404).end(body))
    .listen(8000, '127.0.0.1', () => console.log('ready'));
`;
