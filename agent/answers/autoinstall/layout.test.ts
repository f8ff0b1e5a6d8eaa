import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withRoot } from '../../tree/folder.ts';
import { findLayout } from './layout.ts';
import type { Layout } from './layout.ts';

let root: string;
beforeEach(() => {
  root = fs.mkdtempSync(join(tmpdir(), 'coatcheck-layout-'));
});
afterEach(() => fs.rmSync(root, { recursive: true }));

function put(path: string, text = ''): void {
  fs.mkdirSync(join(root, dirname(path)), { recursive: true });
  fs.writeFileSync(join(root, path), text);
}
const layout = (): Layout => withRoot(root, findLayout);

describe('findLayout', () => {
  it('finds units where they are, merged /usr or not', () => {
    put('usr/lib/systemd/system/chronyd.service');
    fs.symlinkSync('usr/lib', join(root, 'lib'));
    put('etc/systemd/system/own.service');
    expect([...layout().has].sort()).toEqual(['chronyd.service', 'own.service']);
    fs.unlinkSync(join(root, 'lib'));
    put('lib/systemd/system/rsyslog.service');
    expect(layout().has).toContain('rsyslog.service');
  });

  it('takes a masked unit for none, and a replaced one for itself', () => {
    put('usr/lib/systemd/system/NetworkManager.service');
    put('usr/lib/systemd/system/ssh.service');
    put('etc/systemd/system/ssh.service');
    fs.symlinkSync('/dev/null', join(root, 'etc/systemd/system/NetworkManager.service'));
    expect([...layout().has]).toEqual(['ssh.service']);
  });

  it('takes no alias for a unit, and a linked unit for one', () => {
    put('usr/lib/systemd/system/ssh.service');
    fs.mkdirSync(join(root, 'etc/systemd/system'), { recursive: true });
    for (const [name, target] of [
      ['sshd.service', '/lib/systemd/system/ssh.service'],
      ['own.service', '/opt/own/own.service'],
    ] as const) {
      fs.symlinkSync(target, join(root, 'etc/systemd/system', name));
    }
    expect([...layout().has].sort()).toEqual(['own.service', 'ssh.service']);
  });

  it('finds the paths that a template needs', () => {
    put('etc/default/keyboard');
    put('etc/logrotate.d/rsyslog');
    put('etc/somewhere/else');
    expect([...layout().has].sort()).toEqual(['etc/default/keyboard', 'etc/logrotate.d']);
  });

  it.each([
    ['Include /etc/ssh/sshd_config.d/*.conf\n', true],
    ['Port 22\n  include "/etc/ssh/sshd_config.d/*.conf"\n', true],
    ['#Include /etc/ssh/sshd_config.d/*.conf\n', false],
    ['PasswordAuthentication yes\n', false],
  ])('believes that sshd has drop-ins only if it says so: %j', (config, has) => {
    put('etc/ssh/sshd_config.d/x.conf');
    put('etc/ssh/sshd_config', config);
    expect(layout().has.has('etc/ssh/sshd_config.d')).toBe(has);
  });

  it('reads the accounts that are there', () => {
    put('etc/passwd', 'root:x:0:0:::\n');
    expect(layout().accounts).toEqual({ 'etc/passwd': 'root:x:0:0:::\n' });
  });

  it('finds nothing in an empty root, and does not follow a link out of it', () => {
    expect(layout()).toEqual({ has: new Set(), accounts: {} });
    fs.mkdirSync(join(root, 'etc'));
    fs.symlinkSync('/etc/passwd', join(root, 'etc/passwd'));
    expect(layout).toThrow(expect.objectContaining({ code: 'path_refused' }));
  });
});
