import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { freePort } from '../../local-minio/server-process.ts';
import { makeAdmin, makeSite } from '../support/site.ts';
import { cliProgram } from '../support/cli.ts';
import { describeWith } from '../support/components.ts';
import { until } from '../support/network.ts';
import { bootSystemd } from '../support/systemd.ts';
import type { Booted } from '../support/systemd.ts';
import { formatSite } from '../../protocol/site.ts';

const UNIT = 'packaging/server/coatcheck.service';
const NAME = 'coatcheck.service';
const USER = 'packaging/server/coatcheck.sysusers';
const SOCKET = 'coatcheck.socket';
const STATE = 'var/lib/coatcheck';

/** One of the loopback interface that is this process's alone, whatever the port. */
const OWN_ADDRESS = `127.${64 + (process.pid >> 16)}.${(process.pid >> 8) & 255}.${process.pid & 255}`;

describeWith('systemd', 'the unit of the server', () => {
  let machine: Booted;
  let url: string;
  const systemctl = (...args: string[]) => machine.run('systemctl', ...args, NAME);
  const property = async (name: string): Promise<string> =>
    (await systemctl('show', '--value', `--property=${name}`)).stdout.trim();

  beforeAll(async () => {
    machine = await bootSystemd();
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    for (const name of [NAME, SOCKET]) {
      const unit = fs.readFileSync(`packaging/server/${name}`, 'utf8');
      machine.write(`etc/systemd/system/${name}`, unit);
    }
    // This machine's systemd is not one that booted, and in a root that was changed to there is no namespace of users.
    machine.write(
      `etc/systemd/system/${NAME}.d/first.conf`,
      '[Unit]\nDefaultDependencies=no\nWants=\nAfter=\nStartLimitIntervalSec=0\n[Service]\nPrivateUsers=no\n' +
        `BindReadOnlyPaths=${resolve('node_modules')}:/opt/node_modules\n`,
    );
    machine.write('etc/default/coatcheck', `OPTIONS=--port ${port}\n`);
    // Nothing of ours is below a home or /tmp, which the unit does not see.
    fs.cpSync(dirname(cliProgram()), join(machine.root, 'opt/coatcheck'), { recursive: true });
    fs.symlinkSync('/opt/coatcheck/coatcheck.mjs', join(machine.root, 'usr/local/bin/coatcheck'));
    const { site } = makeSite({ admins: [makeAdmin('ada')] });
    machine.write('etc/sysusers.d/coatcheck.conf', fs.readFileSync(USER, 'utf8'));
    expect(await machine.run('systemd-sysusers')).toMatchObject({ code: 0 });
    machine.write(`${STATE}/site.json`, formatSite(site));
    await machine.run('systemctl', 'daemon-reload');
  });
  afterAll(() => machine.stop());
  beforeEach(async () => {
    await systemctl('stop');
    await systemctl('reset-failed');
  });

  it('is what systemd expects, and leaves no more open than it needs: 3.0 of 10', () => {
    const checks = [
      ['verify', '--man=no', '--recursive-errors=no', `--root=${machine.root}`, NAME, SOCKET],
      ['security', '--offline=true', '--threshold=30', '--no-pager', UNIT],
    ];
    for (const args of checks) {
      const { status, stderr } = spawnSync('systemd-analyze', args, { encoding: 'utf8' });
      expect([args[0], status, stderr]).toEqual([args[0], 0, '']);
    }
  });

  it('has started once it answers, and stops with what is under way done', async () => {
    expect((await systemctl('start')).code).toBe(0);
    const health = await fetch(`${url}/v1/health`);
    expect(health.status).toBe(200);
    expect(await property('StatusText')).toContain(url);
    expect(fs.existsSync(join(machine.root, STATE, 'store'))).toBe(true);
    expect((await systemctl('stop')).code).toBe(0);
    expect(await property('Result')).toBe('success');
    expect(await property('ExecMainStatus')).toBe('0');
  });

  it('is handed a secret that is in no folder of its user', async () => {
    const options = machine.read('etc/default/coatcheck').trim();
    const file = join(machine.root, 'etc/default/coatcheck');
    machine.write('etc/coatcheck/token', 'correct-horse-battery-staple-42\n', 0o600);
    machine.write(
      `etc/systemd/system/${NAME}.d/token.conf`,
      `[Service]\nLoadCredential=token:/etc/coatcheck/token\nEnvironment="${options} --token-file %d/token"\n`,
    );
    fs.rmSync(file);
    await machine.run('systemctl', 'daemon-reload');
    try {
      expect((await systemctl('start')).code).toBe(0);
      expect((await fetch(`${url}/v1/health`)).status).toBe(200);
    } finally {
      fs.rmSync(join(machine.root, `etc/systemd/system/${NAME}.d/token.conf`));
      fs.writeFileSync(file, `${options}\n`);
      await machine.run('systemctl', 'daemon-reload');
    }
  });

  it('is started again where it hangs, or is killed', async () => {
    machine.write(
      `etc/systemd/system/${NAME}.d/test.conf`,
      '[Service]\nWatchdogSec=5\nRestartSec=0\n',
    );
    await machine.run('systemctl', 'daemon-reload');
    await systemctl('start');
    for (const signal of ['STOP', 'KILL']) {
      const before = await property('MainPID');
      await systemctl('kill', '--kill-whom=main', `--signal=${signal}`);
      await until(async () => {
        const now = await property('MainPID');
        return now !== '0' && now !== before && (await property('ActiveState')) === 'active';
      });
    }
    expect((await fetch(`${url}/v1/health`)).status).toBe(200);
  });

  it('is not started again and again for what another try does not mend', async () => {
    const file = join(machine.root, STATE, 'site.json');
    const site = fs.readFileSync(file);
    fs.writeFileSync(file, '{');
    try {
      expect((await systemctl('start')).code).not.toBe(0);
      expect(await property('ActiveState')).toBe('failed');
      expect(await property('ExecMainStatus')).toBe('2');
    } finally {
      fs.writeFileSync(file, site);
    }
  });

  it('has a port below 1024 by its socket unit without a right to it, and refuses nobody while it starts again', async () => {
    const own = `http://${OWN_ADDRESS}:80`;
    machine.write(
      `etc/systemd/system/${SOCKET}.d/test.conf`,
      `[Unit]\nDefaultDependencies=no\n[Socket]\nListenStream=\nListenStream=${OWN_ADDRESS}:80\n`,
    );
    await machine.run('systemctl', 'daemon-reload');
    expect(await machine.run('systemctl', 'start', SOCKET)).toMatchObject({ code: 0, stderr: '' });
    try {
      expect(await property('ActiveState')).toBe('inactive');
      expect((await fetch(`${own}/v1/health`)).status).toBe(200);
      expect(await property('ActiveState')).toBe('active');
      expect(await property('StatusText')).toContain(new URL(own).origin);
      const before = await property('MainPID');

      // Each a connection of its own. What was under way at the end may be cut, and is asked again.
      let isOver = false;
      let answers = 0;
      const ask = async (): Promise<void> => {
        while (!isOver) {
          try {
            await fetch(`${own}/v1/health`, { headers: { connection: 'close' } });
            answers++;
          } catch (error) {
            const { code } = (error as Error).cause as { code?: string };
            expect(['ECONNRESET', 'UND_ERR_SOCKET']).toContain(code);
          }
        }
      };
      const asking = Promise.all([ask(), ask(), ask()]);
      expect((await systemctl('restart')).code).toBe(0);
      const after = answers;
      await until(() => answers > after + 3);
      isOver = true;
      await asking;
      expect(await property('MainPID')).not.toBe(before);
    } finally {
      await machine.run('systemctl', 'stop', SOCKET);
      fs.rmSync(join(machine.root, `etc/systemd/system/${SOCKET}.d`), { recursive: true });
      await machine.run('systemctl', 'daemon-reload');
    }
  });
});
