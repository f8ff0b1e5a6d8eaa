import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { toBase64Url } from '../bundle/bytes.ts';
import { encodeChain } from '../bundle/keyset.ts';
import { itWith } from '../tests/support/components.ts';
import { makeAuthority } from '../tests/support/certificates.ts';
import { makeAdmin, makeSite, nextKeyset } from '../tests/support/site.ts';
import { codeOf } from './errors.ts';
import { parseCa } from '../net/certificates.ts';
import { formatSite, parseSite } from './site.ts';

const { site, admins } = makeSite({ servers: ['http://10.0.0.1:8420', 'https://boot.example'] });

type SiteFile = Record<string, unknown>;
const file = (): SiteFile => JSON.parse(formatSite(site)) as SiteFile;

function refusal(text: string): { code: string; message: string } {
  try {
    parseSite(text, parseCa);
  } catch (error) {
    return { code: codeOf(error), message: (error as Error).message };
  }
  throw new Error('it was accepted');
}

describe('site.json', () => {
  it('gives back the site that it was made from', () => {
    expect(parseSite(formatSite(site), parseCa)).toEqual(site);
    expect(formatSite(parseSite(formatSite(site), parseCa))).toBe(formatSite(site));
  });

  it('may name servers that answer below a path', () => {
    const below = { ...site, servers: ['https://a.example/boot/v1', 'http://[fd77::1]:8420/c'] };
    expect(parseSite(formatSite(below), parseCa)).toEqual(below);
  });

  itWith('openssl', 'may name a CA, whose certificates can be read', () => {
    const folder = fs.mkdtempSync(join(tmpdir(), 'coatcheck-site-'));
    const { ca } = makeAuthority(join(folder, 'ca'));
    fs.rmSync(folder, { recursive: true });
    const named = { ...site, ca: `# ours\n${ca}` };
    expect(parseSite(formatSite(named), parseCa)).toEqual(named);
    for (const wrong of [
      '',
      'none',
      ca.replace(/M/g, 'A'),
      ca.slice(0, -30),
      'x'.repeat(33_000),
      7,
    ]) {
      const { code, message } = refusal(JSON.stringify({ ...file(), ca: wrong }));
      expect([code, message]).toEqual(['file_malformed', expect.stringContaining(': ca: ')]);
    }
  });

  it('may hold the keysets that led to the pinned one, as the server shows them', () => {
    const second = nextKeyset({ signed: site.pinned, admins }, [makeAdmin('bert')]);
    const later = { ...site, ancestors: [site.pinned], pinned: second };
    expect(parseSite(formatSite(later), parseCa)).toEqual(later);
    const keyset = toBase64Url(encodeChain([site.pinned, second]));
    expect(parseSite(JSON.stringify({ ...file(), keyset }), parseCa)).toEqual(later);
  });

  it('is refused for keysets of which one does not lead to the next', () => {
    const mallory = makeAdmin('mallory');
    const forged = nextKeyset({ signed: site.pinned, admins: [mallory] }, [mallory]);
    const keyset = toBase64Url(encodeChain([site.pinned, forged]));
    const { code, message } = refusal(JSON.stringify({ ...file(), keyset }));
    expect([code, message]).toEqual(['file_malformed', expect.stringContaining('keyset')]);
  });

  it.each([
    ['another format', { coatcheck: 'site/2' }, 'coatcheck'],
    ['a short id', { site: 'abcd' }, 'site'],
    ['an id in upper case', { site: 'A'.repeat(32) }, 'site'],
    ['the id of another site', { site: '0'.repeat(31) + '1' }, 'keyset'],
    ['a name with an escape', { name: 'lab\u001b[2J' }, 'name'],
    ['no name', { name: '' }, 'name'],
    ['a keyset that is none', { keyset: 'AAAA' }, 'keyset'],
    ['an unknown policy', { approval: 'maybe' }, 'approval'],
    ['a server with a query', { servers: ['http://a.example/boot?'] }, 'servers.0'],
    [
      'a server with another way to write its path',
      { servers: ['http://a.example/%62'] },
      'servers.0',
    ],
    ['a server with a slash', { servers: ['http://a.example/'] }, 'servers.0'],
    ['a server with a password', { servers: ['http://u:p@a.example'] }, 'servers.0'],
    ['a server that is a file', { servers: ['file:///etc/passwd'] }, 'servers.0'],
    ['a limit over 1 MiB', { maxBundleBytes: 1024 * 1024 + 1 }, 'maxBundleBytes'],
    ['a limit of half a byte', { maxBundleBytes: 2048.5 }, 'maxBundleBytes'],
    ['no room at all', { maxBundleBytes: 0 }, 'maxBundleBytes'],
    ['a policy that this version does not know', { onExpiry: 'poweroff' }, 'onExpiry'],
    ['an unknown end', { onRevoke: 'explode' }, 'onRevoke'],
    ['paths that are none', { paths: 'etc/x' }, 'paths'],
    ['no paths', { paths: [] }, 'a list that is empty is left out'],
    ['a path that is no object', { paths: ['etc/x'] }, 'paths.0'],
    ['a path with more', { paths: [{ pattern: 'etc/x', executes: 'no' }] }, 'paths.0.executes'],
    ['a program', { paths: [{ pattern: 'usr/bin/x' }] }, 'usr/bin/x: configuration is below etc'],
    ['our own key', { paths: [{ pattern: 'etc/a' }, { pattern: 'etc/coatcheck/*' }] }, 'paths.1'],
    ['a path twice', { paths: [{ pattern: 'etc/x' }, { pattern: 'etc/x' }] }, 'there twice'],
    ['a hidden name', { paths: [{ pattern: 'etc/\u202ex' }] }, '"etc/\\u202ex": a pattern is'],
    [
      'more than 64 paths',
      { paths: Array.from({ length: 65 }, (_n, i) => ({ pattern: `etc/${i}` })) },
      'at most 64 patterns',
    ],
  ])('is refused for %s, which the message names', (_, change, names) => {
    const { code, message } = refusal(JSON.stringify({ ...file(), ...change }));
    expect(code).toBe('file_malformed');
    expect(message).toContain(names);
  });

  it('may say what a revoked machine does', () => {
    const strict = { ...site, onRevoke: 'poweroff' } as const;
    expect(parseSite(formatSite(strict), parseCa)).toEqual(strict);
  });

  it('may name paths of its own', () => {
    const paths = [{ pattern: 'etc/vdsm/**' }, { pattern: 'etc/Büro 1/*', secret: true }];
    expect(parseSite(formatSite({ ...site, paths }), parseCa)).toEqual({ ...site, paths });
    const most = Array.from({ length: 64 }, (_, i) => ({ pattern: `etc/${i}`, secret: i > 3 }));
    expect(parseSite(formatSite({ ...site, paths: most }), parseCa).paths).toEqual(most);
  });

  it('is refused without any one of its members', () => {
    for (const name of Object.keys(file())) {
      const text = JSON.stringify(file(), (key, value: unknown) =>
        key === name ? undefined : value,
      );
      expect(refusal(text).message).toContain(name);
    }
  });

  it.each(['', '{', 'null', '[]', '"site"', '<html>'])('is refused as %j', (text) => {
    expect(refusal(text).code).toBe('file_malformed');
  });
});
