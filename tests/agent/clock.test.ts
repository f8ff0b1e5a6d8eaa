import { once } from 'node:events';
import * as fs from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { startServer } from '../../functions/serve/server.ts';
import type { RunningServer } from '../../functions/serve/server.ts';
import { openFolder } from '../../functions/stores/folder.ts';
import { approvedKey } from '../../protocol/keys.ts';
import { openFilesystemStore } from '../../store/filesystem.ts';
import type { ObjectStore } from '../../store/port.ts';
import { makeAuthority } from '../support/certificates.ts';
import type { Authority } from '../support/certificates.ts';
import { describeWith } from '../support/components.ts';
import { approvedFrame, fileEntry } from '../support/frames.ts';
import { agentProgram, makeMachine } from '../support/machine.ts';
import type { Machine } from '../support/machine.ts';
import { openNetwork, until } from '../support/network.ts';
import type { NetMachine, Network } from '../support/network.ts';
import { makeSite } from '../support/site.ts';

const ADDRESS = '10.77.0.2';
const PLAIN = `http://${ADDRESS}:8420`;
const TLS = `https://${ADDRESS}:8443`;
const seconds = (time: string): number => Date.parse(`${time}T00:00:00Z`) / 1000;
/** A day, so many days from now. */
const day = (offset: number): string =>
  new Date(Date.now() + offset * 86_400_000).toISOString().slice(0, 10);
/** The image is the oldest, then the approval, and then what it may end with. */
const [BUILT, APPROVED, OVER] = [day(-90), day(-60), day(-30)] as const;
/** What a stranger claims */
const LATER = day(20);

const ours = makeSite();
const files = [fileEntry('etc/motd', 'approved\n')];

describeWith('network', 'a machine whose clock is years off', () => {
  describeWith('faketime', 'by libfaketime', () => {
    let network: Network;
    let node: NetMachine;
    let store: ObjectStore;
    let authority: Authority;
    const servers: RunningServer[] = [];
    const machines: Machine[] = [];
    let clockFile: string;
    let env: Record<string, string>;

    beforeAll(async () => {
      network = await openNetwork();
      await network.dnsmasq(['--dhcp-range=10.77.0.50,10.77.0.99,255.255.255.0,10m']);
      const folder = join(network.folder, 'store');
      store = await openFilesystemStore(folder, { create: true });
      authority = makeAuthority(join(network.folder, 'ca'));
      for (const [origin, tls] of [
        [PLAIN, undefined],
        [TLS, authority.issue(`IP:${ADDRESS}`)],
      ] as const) {
        const place = {
          store: await openFolder(folder),
          host: '127.0.0.1',
          port: 0,
          publicUrl: origin,
        };
        const server = await startServer({ site: ours.site, ...place });
        servers.push(server);
        await network.publish(new URL(origin).host, server.port, tls);
      }
      node = await network.machine(
        [{ name: 'eth0', mac: '52:54:00:77:00:01', linked: true }],
        ['udhcpc'],
      );
      const { code, stderr } = await node.run([process.execPath, agentProgram(), 'network']);
      expect(code, stderr).toBe(0);

      // The machine's clock is a file, which `date -s` sets: the kernel has one clock for all namespaces.
      clockFile = join(network.folder, 'clock');
      const wrapper = ['/usr/bin/faketime', '-m', '-f', '@1970-01-01 00:00:00', '/usr/bin/env'];
      const wrapped = await node.run(wrapper);
      expect(wrapped.code, wrapped.stderr).toBe(0);
      env = {
        LD_PRELOAD: /^LD_PRELOAD=(.*)$/m.exec(wrapped.stdout)![1]!,
        FAKETIME_TIMESTAMP_FILE: clockFile,
        FAKETIME_NO_CACHE: '1',
        FAKETIME_DONT_FAKE_MONOTONIC: '1',
      };
    });
    afterAll(async () => {
      await Promise.all(servers.map((server) => server.close()));
      await network.close();
    });
    afterEach(() => machines.splice(0).forEach((machine) => machine.remove()));

    /** One that was just switched on, with a bundle that is approved for it. */
    async function switchOn({
      server,
      clock,
      expires,
      maySet = true,
      isDated = true,
    }: {
      server: string;
      clock: string;
      expires?: string;
      maySet?: boolean;
      isDated?: boolean;
    }): Promise<{
      machine: Machine;
      start: (command?: string) => ReturnType<NetMachine['start']>;
    }> {
      const machine = makeMachine({ ...ours.site, servers: [server], ca: authority.ca });
      machines.push(machine);
      const image = { version: '1', date: `${BUILT}T00:00:00Z` };
      machine.write('usr/lib/coatcheck/image.json', JSON.stringify(isDated ? image : {}));
      const more = {
        issued: seconds(APPROVED),
        ...(expires !== undefined && { expires: seconds(expires) }),
      };
      const frame = approvedFrame(ours, machine.identity, files, 1, {}, more);
      await store.create(approvedKey(machine.identity.id), frame);
      fs.writeFileSync(clockFile, `@${clock} 00:00:00\n`);
      const refusal = "echo 'date: cannot set date: Operation not permitted' >&2; exit 1";
      const set = `exec /usr/bin/date -u -d "$2" '+@%Y-%m-%d %H:%M:%S' > ${clockFile}`;
      fs.rmSync(join(node.bin, 'date'));
      fs.writeFileSync(
        join(node.bin, 'date'),
        `#!/bin/sh\n[ "$1" = -s ] || exit 2\n${maySet ? set : refusal}\n`,
        { mode: 0o755 },
      );
      const agent = [process.execPath, agentProgram(), '--root', machine.root];
      return { machine, start: (command = 'start') => node.start([...agent, command], env) };
    }

    /** Boots to the end. @returns all that the console said */
    async function boots(options: Parameters<typeof switchOn>[0]): Promise<string> {
      const { machine, start } = await switchOn(options);
      const { child, said } = start();
      await until(() => child.exitCode !== null);
      expect([child.exitCode, machine.tree()['etc/motd']], said.stderr).toEqual([
        0,
        '644 approved\n',
      ]);
      return said.stderr;
    }

    /** Boots until it says what it waits for, and nothing was applied. */
    async function waits(options: Parameters<typeof switchOn>[0]): Promise<string> {
      const { machine, start } = await switchOn(options);
      const { child, said } = start();
      await until(() => said.stderr.includes('waiting since') || child.exitCode !== null);
      child.kill('SIGKILL');
      expect(Object.keys(machine.tree())).toEqual([]);
      return said.stderr;
    }

    const clockNow = (): string => fs.readFileSync(clockFile, 'utf8').slice(1, 11);
    const today = day(0);

    it('boots in 1970 over plain HTTP: the clock moves to the date of the image', async () => {
      const said = await boots({ server: PLAIN, clock: '1970-01-01', expires: '2099-01-01' });
      expect(said).toContain(
        `the clock said 1970-01-01 00:00:00 UTC, before this image was made: set to ${BUILT} 00:00:00 UTC`,
      );
      expect(clockNow()).toBe(BUILT);
    });

    it('boots in 1970 over HTTPS: the clock moves to what the verified server says', async () => {
      const said = await boots({ server: TLS, clock: '1970-01-01', expires: '2099-01-01' });
      expect(said).toMatch(new RegExp(`the clock said ${BUILT} .* by 10.77.0.2:8443\n`));
      expect(clockNow()).toBe(today);
    });

    it('sets no clock where the image does not say when it was made, whatever its files are dated', async () => {
      const said = await boots({ server: PLAIN, clock: '1970-01-01', isDated: false });
      expect(said).toContain('has no date: this image does not say when it was made');
      expect(clockNow()).toBe('1970-01-01');
      expect(await waits({ server: TLS, clock: '1970-01-01', isDated: false })).toMatch(
        /CERT_NOT_YET_VALID|not yet valid.*the clock here says 1970-01-01 .* and is set by no server/,
      );
      expect(clockNow()).toBe('1970-01-01');
    });

    it('boots in 2100 over HTTPS, with a bundle that would be over by then', async () => {
      const said = await boots({ server: TLS, clock: '2100-01-01', expires: '2099-01-01' });
      expect(said).toContain('the clock said 2100-01-01');
      expect(clockNow()).toBe(today);
    });

    it('boots in 2100 over plain HTTP, unless the bundle would be over by then: a lie can end it early', async () => {
      await boots({ server: PLAIN, clock: '2100-01-01' });
      expect(await waits({ server: PLAIN, clock: '2100-01-01', expires: '2099-01-01' })).toContain(
        '[expired]',
      );
      expect(clockNow()).toBe('2100-01-01');
    });

    it.each([PLAIN, TLS])(
      'waits where its bundle expired while it was off, in 1970 too, over %s',
      async (server) => {
        for (const [clock, judge] of [
          ['1970-01-01', server === TLS ? "this machine's clock" : "the server's clock"],
          [today, "this machine's clock"],
        ] as const) {
          const said = await waits({ server, clock, expires: OVER });
          expect(said).toContain(`(by ${judge}, ${today} `);
          expect(said).toContain('[expired]');
        }
      },
    );

    it(
      'has its own time again after a kill -9 while that of a stranger was tried',
      { tags: 'long' },
      async () => {
        const stranger = createServer(({ method }, response) => {
          // Whatever is asked afterwards, verified, has no answer.
          if (method === 'HEAD') response.setHeader('date', new Date(LATER).toUTCString()).end();
        });
        await once(stranger.listen(0, '127.0.0.1'), 'listening');
        const { port } = stranger.address() as AddressInfo;
        const place = '10.77.0.3:8443';
        await network.publish(place, port, authority.issue('IP:10.77.0.3'));
        const { start } = await switchOn({ server: `https://${place}`, clock: '2100-01-01' });
        // Where a second more or less is the same day.
        fs.writeFileSync(clockFile, '@2100-01-01 12:00:00\n');
        const first = start();
        await until(() => clockNow() === LATER);
        first.child.kill('SIGKILL');
        await once(first.child, 'exit');
        stranger.closeAllConnections();
        stranger.close();

        const second = start();
        await until(() => second.said.stderr.includes('waiting since'));
        second.child.kill('SIGKILL');
        expect(second.said.stderr).toMatch(
          new RegExp(
            `the clock said ${LATER} .*, for which nobody vouched: set back to 2100-01-01 `,
          ),
        );
        expect(clockNow()).toBe('2100-01-01');
      },
    );

    it(
      'has it left alone by a refresh, which asks again later: over plain HTTP it need not be right',
      { tags: 'long' },
      async () => {
        for (const [server, code, said] of [
          [PLAIN, 0, ''],
          [TLS, 7, /certificate has expired.*\[server_unreachable\]\n$/],
        ] as const) {
          const { start } = await switchOn({ server, clock: today });
          const booted = start();
          await until(() => booted.child.exitCode !== null);
          fs.writeFileSync(clockFile, '@2100-01-01 00:00:00\n');
          const refreshed = start('refresh');
          await until(() => refreshed.child.exitCode !== null);
          expect([refreshed.child.exitCode, refreshed.said.stderr]).toEqual([
            code,
            said === '' ? said : expect.stringMatching(said),
          ]);
          expect(clockNow()).toBe('2100-01-01');
        }
      },
    );

    it('says both times where it may not set its clock', async () => {
      const said = await waits({ server: TLS, clock: '1970-01-01', maySet: false });
      expect(said).toMatch(
        /cannot be set \(date: cannot set date: Operation not permitted\): TLS may/,
      );
      expect(said).toMatch(
        new RegExp(
          `the clock here says 1970-01-01 .*, the server ${today} .* cannot be set .*\\[server_unreachable\\]`,
        ),
      );
      // Over plain HTTP it boots all the same: its requests are dated by the server's refusal.
      await boots({ server: PLAIN, clock: '1970-01-01', maySet: false });
    });
  });
});
