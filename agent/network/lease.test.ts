import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cleanLease, leaseOfResolvConf, readAssignments } from './lease.ts';

function withFile<T>(text: string, use: (path: string) => T): T {
  const folder = fs.mkdtempSync(join(tmpdir(), 'coatcheck-lease-'));
  try {
    fs.writeFileSync(join(folder, 'file'), text);
    return use(join(folder, 'file'));
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

describe('a lease', () => {
  it('is names and addresses, lower case, without the root behind them, each once', () => {
    expect(
      cleanLease({
        domain: 'Lab.Test.',
        search: 'lab.test b.test, b.test c.test',
        dns: '10.77.0.1 fd77::1,10.77.0.1',
        hostname: 'node7',
      }),
    ).toEqual({
      domain: 'lab.test',
      search: ['b.test', 'c.test'],
      dns: ['10.77.0.1', 'fd77::1'],
      hostname: 'node7',
    });
  });

  it('has nothing in it that is neither, and no more of it than resolv.conf keeps', () => {
    const hostile = ['$(reboot)', '../etc', 'a\u001b[2J', '-x', 'x_y', 'é.test', 'a..b', '%s'];
    for (const text of hostile) {
      const lease = { domain: text, search: text, dns: text, hostname: text };
      expect(cleanLease(lease)).toEqual({ search: [], dns: [] });
    }
    const many = Array.from({ length: 400 }, (_, i) => i);
    const lease = cleanLease({
      search: many.map((i) => `d${i}.test`).join(' '),
      dns: many.map((i) => `10.0.${i >> 8}.${i % 256}`).join(' '),
    });
    expect([lease.search.length, lease.dns.length]).toEqual([6, 3]);
    expect(cleanLease({})).toEqual({ search: [], dns: [] });
  });

  it('keeps the zone of a resolver of the link, or gets that of the interface', () => {
    const dns = (text: string): readonly string[] =>
      cleanLease({ dns: text }, { name: 'eth0', index: 7 }).dns;
    expect(dns('fe80::53%eth1 fd77::53')).toEqual(['fe80::53%eth1', 'fd77::53']);
    expect(dns('fe80::53 fe80::53%7')).toEqual(['fe80::53%eth0']);
    expect(dns('fe80::53%br_lan')).toEqual(['fe80::53%br_lan']);
    expect(dns('fe80::53%$(x) fe80::1%')).toEqual(['fe80::1%eth0']);
    const text = 'nameserver fe80::53%eth0\n';
    expect(cleanLease(withFile(text, leaseOfResolvConf)).dns).toEqual(['fe80::53%eth0']);
  });

  it('searches all words of a domain: the first is the domain', () => {
    for (const domain of [
      'lab.test b.test C.test',
      'lab.test,b.test,c.test',
      'lab.test\\032b.test',
    ]) {
      expect(cleanLease({ domain, search: 'c.test d.test' })).toMatchObject({
        domain: 'lab.test',
        search: ['b.test', 'c.test', 'd.test'],
      });
    }
  });

  it('is read from a resolv.conf', () => {
    const text =
      '# by hand\ndomain lab.test\nsearch  b.test c.test\nnameserver 10.0.0.1\n nameserver ::1 # x\noptions ndots:1\n';
    expect(withFile(text, leaseOfResolvConf)).toEqual({
      ...{ domain: 'lab.test', search: 'b.test c.test', dns: '10.0.0.1 ::1' },
    });
    expect(cleanLease(leaseOfResolvConf('/nowhere'))).toEqual({ search: [], dns: [] });
  });

  it('is read from lines of NAME=value', () => {
    const text =
      '# This is private data. Do not parse.\nADDRESS=10.0.0.5\nDNS=10.0.0.1 10.0.0.2\nX="y z"\nodd line\n=1\n';
    expect(withFile(text, readAssignments)).toEqual({
      ...{ ADDRESS: '10.0.0.5', DNS: '10.0.0.1 10.0.0.2', X: 'y z' },
    });
    expect(readAssignments('/nowhere')).toBeUndefined();
  });
});
