import * as fs from 'node:fs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { EXIT } from '../../protocol/errors.ts';
import { describeWith } from '../support/components.ts';
import { approvedFrame, fileEntry } from '../support/frames.ts';
import { makeMachine } from '../support/machine.ts';
import type { Machine } from '../support/machine.ts';
import { makeSite } from '../support/site.ts';

const testSite = makeSite();
const UNIT = '[Service]\nExecStart=true\n[Install]\nWantedBy=multi-user.target\n';
const WANTS = 'etc/systemd/system/multi-user.target.wants';

interface Image {
  /** Name to number, of users and groups */
  readonly ids: Readonly<Record<string, number>>;
  readonly units: readonly string[];
}
const OLD: Image = { ids: { chrony: 101, munge: 102 }, units: ['chronyd', 'telnet', 'munge'] };
const NEW: Image = { ids: { munge: 971, chrony: 972 }, units: ['chronyd', 'nftables'] };

describeWith('systemd', 'the same bundle in a newer image', () => {
  const machines: Machine[] = [];
  let first: Machine;
  beforeEach(() => {
    first = boot(makeMachine(testSite.site), OLD);
  });
  afterEach(() => machines.splice(0).forEach((machine) => machine.remove()));

  function boot(machine: Machine, { ids, units }: Image): Machine {
    machines.push(machine);
    const names = Object.entries({ root: 0, ...ids });
    const lines = (format: (name: string, id: number) => string): string =>
      names.map(([name, id]) => `${format(name, id)}\n`).join('');
    machine.write(
      'etc/passwd',
      lines((name, id) => `${name}:x:${id}:${id}::/:/sbin/nologin`),
    );
    machine.write(
      'etc/group',
      lines((name, id) => `${name}:x:${id}:`),
    );
    for (const unit of units) machine.write(`usr/lib/systemd/system/${unit}.service`, UNIT);
    return machine;
  }

  it('gives its files to the same names, its own accounts too, and says which units are gone', async (context) => {
    if (process.getuid?.() !== 0) return context.skip('only root gives files away');
    const owned = (path: string, owner: string, uid: number) => ({
      ...fileEntry(path, 'x\n', 0o640),
      ...{ owner, uid, group: owner, gid: uid },
    });
    const files = [
      owned('etc/chrony/chrony.keys', 'chrony', 101),
      owned('etc/munge/munge.key', 'munge', 102),
      owned('etc/motd', 'operator7', 2007),
      fileEntry('etc/passwd', 'root:x:0:0::/:/bin/sh\noperator7:x:2007:2007::/:/bin/sh\n'),
      fileEntry('etc/group', 'operator7:x:2007:\n'),
    ];
    const asks = {
      enable: ['chronyd.service', 'munge.service'],
      disable: ['telnet.service'],
      mask: ['rpcbind.service'],
    };
    const frame = approvedFrame(testSite, first.identity, files, 1, asks);
    const apply = async (machine: Machine): Promise<{ code: number | null; failed: unknown }> => {
      fs.writeFileSync(machine.path('frame'), frame);
      const { code, stdout } = await machine.run('--json', 'apply', machine.path('frame'));
      const { activation } = JSON.parse(stdout) as { activation: { failed: unknown } };
      return { code, failed: activation.failed };
    };
    const ownersIn = (machine: Machine): number[] =>
      ['etc/chrony/chrony.keys', 'etc/munge/munge.key', 'etc/motd'].map(
        (path) => fs.statSync(machine.path(path)).uid,
      );

    expect(await apply(first)).toEqual({ code: 0, failed: [] });
    expect(ownersIn(first)).toEqual([101, 102, 2007]);
    expect(fs.readdirSync(first.path(WANTS))).toEqual(['chronyd.service', 'munge.service']);

    const second = boot(first.reboot(), NEW);
    const { code, failed } = await apply(second);
    expect(ownersIn(second)).toEqual([972, 971, 2007]);
    expect(code).toBe(EXIT.failed);
    expect(failed).toEqual([
      { what: 'munge.service', why: expect.stringContaining('does not exist') as string },
    ]);
    expect(fs.readdirSync(second.path(WANTS))).toEqual(['chronyd.service']);
    expect(fs.readlinkSync(second.path('etc/systemd/system/rpcbind.service'))).toBe('/dev/null');
    expect(second.read('etc/passwd')).toContain('chrony:x:972:');
    expect(second.read('etc/passwd')).toContain('operator7:x:2007:');
  });
});
