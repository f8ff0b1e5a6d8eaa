import type { LookupFunction } from 'node:net';
import { describe, expect, it } from 'vitest';
import { codeFrom } from '../tests/support/thrown.ts';
import { codeOf } from '../protocol/errors.ts';
import { plainAddress, reachOnly } from './reach.ts';

const NOWHERE: ReadonlySet<string> = new Set();

/** Whether a URL with this host may be asked; a name resolves to `addresses`. */
async function verdict(
  host: string,
  addresses: readonly string[] = [],
  unlessAt = NOWHERE,
): Promise<unknown> {
  const lookup: LookupFunction = (_, { all }, answer) => {
    expect(all).toBe(true);
    answer(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
  };
  const url = new URL(`http://${host}/x`);
  try {
    const guarded = reachOnly(url, unlessAt, lookup);
    if (addresses.length === 0) return [];
    return await new Promise((resolve, reject) => {
      guarded(url.hostname, { all: true }, (error, found) =>
        error === null
          ? resolve((found as { address: string }[]).map((one) => one.address))
          : reject(error),
      );
    });
  } catch (error) {
    return codeOf(error);
  }
}

const REFUSED = [
  '127.0.0.1',
  '127.8.9.10',
  '0.0.0.0',
  '0.1.2.3',
  '169.254.169.254',
  '169.254.170.2',
  '100.100.100.200',
  '168.63.129.16',
  '192.0.0.192',
  '::',
  '::1',
  'fe80::1',
  'febf::1',
  'fd00:ec2::254',
  'fd20:ce::254',
  '::ffff:127.0.0.1',
  '::ffff:a9fe:a9fe',
  '::127.0.0.1',
  '::ffff:0:127.0.0.1',
  '64:ff9b::169.254.169.254',
  '64:ff9b::7f00:1',
  '64:ff9b:1::169.254.169.254',
  '64:ff9b:1:a9fe:a9:fe00::', // of 48 bits
  '64:ff9b:1:7f:0:1::', // of 56
  '64:ff9b:1:0:7f:0:100:0', // of 64
  '64:ff9b:1:ffff::127.0.0.1', // of 96
  '2002:7f00:1::1',
  '2002:a9fe:a9fe::',
  '2001:0:7f00:1::',
  '2001:0:c000:201:0:0:80ff:fffe', // Teredo's client: 127.0.0.1, turned round
  '2a00::5efe:127.0.0.1',
  '2a00::200:5efe:a9fe:a9fe',
];

const FINE = [
  '10.0.0.1',
  '192.168.1.1',
  '172.16.0.9',
  '100.64.0.1',
  '100.100.100.201',
  '203.0.113.7',
  '8.8.8.8',
  'fd00::1',
  'fec0::1',
  '2001:db8::1',
  '2a00::1',
  '::ffff:203.0.113.7',
  '64:ff9b::203.0.113.7',
  '64:ff9b::10.0.0.1',
  '64:ff9b:1::203.0.113.7',
  '64:ff9b:1:cb00:71:700::',
  '2002:cb00:7107::1',
  '2001:0:c000:201:0:0:34ff:8ef8',
];

describe('where the answer of a server leads', () => {
  it.each(REFUSED)('is not %s, as an address or what a name resolves to', async (address) => {
    const host = address.includes(':') ? `[${address}]` : address;
    expect(await verdict(host)).toBe('answer_refused');
    expect(await verdict('store.example', [address])).toBe('answer_refused');
    if (address.startsWith('fe80')) {
      expect(await verdict('store.example', [`${address}%eth0`])).toBe('answer_refused');
    }
  });

  it.each(FINE)('may be %s', async (address) => {
    const host = address.includes(':') ? `[${address}]` : address;
    expect(await verdict(host)).toEqual([]);
    expect(await verdict('store.example', [address])).toEqual([address]);
  });

  it.each([
    '2130706433',
    '0177.0.0.1',
    '0x7f.1',
    '127.1',
    '0',
    '0xa9fea9fe',
    '025177524776',
    '%31%32%37.0.0.1',
    '①②⑦.0.0.1',
    '[::ffff:127.0.0.1]',
  ])('is not %s, which is such an address written otherwise', async (host) => {
    expect(await verdict(host)).toBe('answer_refused');
  });

  it('is what of a name is fine, whatever else it resolves to', async () => {
    expect(await verdict('store.example', ['127.0.0.1', '10.0.0.1', '::1'])).toEqual(['10.0.0.1']);
  });

  it('is where that server is, or the site says, and nowhere beside it', async () => {
    const here = new Set(['127.0.0.1']);
    expect(await verdict('127.0.0.1', [], here)).toEqual([]);
    expect(await verdict('[::ffff:127.0.0.1]', [], here)).toEqual([]);
    expect(await verdict('store.example', ['127.0.0.1', '::1'], here)).toEqual(['127.0.0.1']);
    expect(await verdict('127.0.0.2', [], here)).toBe('answer_refused');
    expect(await verdict('[::1]', [], here)).toBe('answer_refused');
  });

  it('is said with the address, and what to do', () => {
    const said = /store\.example|169\.254\.169\.254.*site\.json/;
    expect(() => reachOnly(new URL('http://169.254.169.254/x?s=topsecret'), NOWHERE)).toThrow(said);
    expect(codeFrom(() => reachOnly(new URL('http://[::1]/'), NOWHERE))).toBe('answer_refused');
  });

  it('passes on what the resolver says', async () => {
    const lookup: LookupFunction = (_, __, answer) => answer(new Error('no such name'), []);
    const guarded = reachOnly(new URL('http://store.example'), NOWHERE, lookup);
    const error = await new Promise((resolve) => guarded('store.example', {}, resolve));
    expect(String(error)).toContain('no such name');
  });
});

it('has one way to write an address', () => {
  expect(plainAddress('::FFFF:127.0.0.1')).toBe('127.0.0.1');
  expect(plainAddress('FE80:0::1%eth0')).toBe('fe80::1');
  expect(plainAddress('10.0.0.1')).toBe('10.0.0.1');
});
