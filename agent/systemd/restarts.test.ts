import { describe, expect, it } from 'vitest';
import { USUAL_MAP } from './restart-map.ts';
import { restartsFor } from './restarts.ts';

const NONE = { reload: {}, restart: {} };

describe('what follows from changed files', () => {
  it('is nothing for a file that no map names', () => {
    expect(restartsFor(['etc/motd'], {}, USUAL_MAP)).toEqual({
      ...{ daemonReload: false, reload: [], restart: [], network: NONE_OF_THE_NETWORK },
    });
  });
  const NONE_OF_THE_NETWORK = { reload: [], restart: [] };

  it('is by pattern in the map of the image, and by path in the bundle', () => {
    const image = {
      reload: { 'etc/a/**': ['a.service'] },
      restart: { 'etc/*.conf': ['b.service'] },
    };
    const paths = ['etc/a/deep/er', 'etc/x.conf', 'etc/y/x.conf', 'etc/c'];
    expect(restartsFor(paths, { 'etc/c': ['c.service'], 'etc/d': ['d.service'] }, image)).toEqual({
      ...{ daemonReload: false, network: NONE_OF_THE_NETWORK },
      ...{ reload: ['a.service', 'c.service'], restart: ['b.service'] },
    });
  });

  it('is a restart where one says so, and a reload otherwise', () => {
    const image = { reload: { 'etc/a': ['x.service'] }, restart: { 'etc/b': ['x.service'] } };
    const both = restartsFor(['etc/a', 'etc/b'], { 'etc/a': ['x.service'] }, image);
    expect([both.reload, both.restart]).toEqual([[], ['x.service']]);
  });

  it.each([
    ['job.service', ['job.service']],
    ['job.service.d/more.conf', ['job.service']],
    ['job@.service', ['job@*.service']],
    ['job@one.service', ['job@one.service']],
    ['job@.service.d/more.conf', ['job@*.service']],
    ['multi-user.target.wants/job.service', []],
    ['job.service.d/readme', []],
    ['job.service.d/deep/more.conf', []],
    ['README', []],
    ['coatcheck-agent.service.d/more.conf', []],
    ['coatcheck-refresh.service', []],
  ])('of the unit file %s is a restart of its unit', (file, restart) => {
    expect(restartsFor([`etc/systemd/system/${file}`], {}, NONE)).toEqual({
      ...{ daemonReload: true, reload: [], restart, network: NONE_OF_THE_NETWORK },
    });
  });

  it('is for a template that of all its instances that run, whoever names it', () => {
    const image = { reload: { 'etc/a': ['a@.service'] }, restart: { 'etc/b': ['b@.service'] } };
    const paths = ['etc/a', 'etc/b', 'etc/c'];
    expect(restartsFor(paths, { 'etc/c': ['c@.service'] }, image)).toMatchObject({
      ...{ reload: ['a@*.service', 'c@*.service'], restart: ['b@*.service'] },
    });
  });

  it('leaves the units of the network for last', () => {
    const paths = ['etc/NetworkManager/system-connections/lan.nmconnection', 'etc/chrony.conf'];
    const named = { 'etc/chrony.conf': ['systemd-networkd.service'] };
    expect(restartsFor(paths, named, USUAL_MAP)).toMatchObject({
      ...{ restart: ['chrony.service', 'chronyd.service'], reload: [] },
      network: { reload: ['systemd-networkd.service'], restart: ['NetworkManager.service'] },
    });
  });

  it('never takes a name of JavaScript for a path', () => {
    expect(restartsFor(['constructor', 'toString'], {}, NONE).reload).toEqual([]);
  });
});
