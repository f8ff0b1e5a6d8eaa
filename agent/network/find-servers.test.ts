import type { SrvRecord } from 'node:dns';
import { describe, expect, it } from 'vitest';
import { findServers } from './find-servers.ts';
import type { FindOptions } from './find-servers.ts';

const SITE = { servers: ['https://site.example', 'http://10.0.0.9:8420'] };
const record = (name: string, port: number, priority = 0): SrvRecord => ({
  ...{ name, port, priority, weight: 0 },
});

/** What a resolver was asked, and which servers came of it. */
async function find(
  answers: Readonly<Record<string, SrvRecord[] | Error>>,
  more: Partial<FindOptions> = {},
): Promise<{ servers: readonly string[]; asked: string[] }> {
  const asked: string[] = [];
  const servers = await findServers({
    orders: {},
    site: SITE,
    lease: { domain: 'lab.test', search: ['b.test', 'c.test'], dns: [] },
    random: () => 0,
    resolver: {
      async resolveSrv(name) {
        asked.push(name);
        const answer = answers[name] ?? new Error('ENOTFOUND');
        if (answer instanceof Error) throw answer;
        return answer;
      },
    },
    ...more,
  });
  return { servers, asked };
}

describe('which servers are asked', () => {
  it('is the one on the command line, alone, and DNS is not asked', async () => {
    const order = { orders: { server: 'http://10.1.1.1:99' } };
    const { servers, asked } = await find({}, order);
    expect([servers, asked]).toEqual([['http://10.1.1.1:99'], []]);
  });

  it('are those of the domain: with TLS first, then in the order of RFC 2782, then of the site', async () => {
    const { servers, asked } = await find({
      '_coatcheck._tcp.lab.test': [record('two.lab.test', 8420, 9), record('one.lab.test', 80)],
      '_coatcheck-tls._tcp.lab.test': [
        record('four.lab.test', 8443, 9),
        record('three.lab.test', 443),
      ],
    });
    expect(servers).toEqual([
      ...['https://three.lab.test', 'https://four.lab.test:8443'],
      ...['http://one.lab.test', 'http://two.lab.test:8420', ...SITE.servers],
    ]);
    expect(asked).toEqual(['_coatcheck-tls._tcp.lab.test', '_coatcheck._tcp.lab.test']);
  });

  it('are those of the search list, in its order, where the domain has none', async () => {
    const { servers, asked } = await find({
      '_coatcheck._tcp.lab.test': new Error('SERVFAIL'),
      '_coatcheck._tcp.b.test': [record('.', 0)],
      '_coatcheck._tcp.c.test': [record('one.c.test', 8420), record('ONE.c.test', 8420)],
    });
    expect(servers).toEqual(['http://one.c.test:8420', ...SITE.servers]);
    expect(asked.filter((name) => name.startsWith('_coatcheck._tcp'))).toEqual(
      ['lab', 'b', 'c'].map((name) => `_coatcheck._tcp.${name}.test`),
    );
  });

  it('are those of the site alone where there is no lease, and may be none', async () => {
    expect((await find({}, { lease: undefined })).servers).toEqual(SITE.servers);
    expect((await find({}, { site: { servers: [] } })).servers).toEqual([]);
  });

  it('is never what is no host', async () => {
    const { servers } = await find({
      '_coatcheck._tcp.lab.test': [
        ...['evil.test/x', 'a@evil.test', 'evil.test:1', '127.0.0.1', '\u001b[2J'].map((name) =>
          record(name, 80),
        ),
        record('ok.lab.test', 80),
      ],
    });
    expect(servers).toEqual(['http://ok.lab.test', ...SITE.servers]);
  });

  it('says what of the answers of DNS is left out, and which were none', async () => {
    const notes: string[] = [];
    const bad = Object.assign(new Error('bad'), { code: 'EBADRESP' });
    await find(
      {
        '_coatcheck-tls._tcp.lab.test': bad,
        '_coatcheck._tcp.lab.test': Object.assign(new Error('none'), { code: 'ENOTFOUND' }),
        '_coatcheck._tcp.b.test': [record('.', 0), record('one.b.test', 80)],
      },
      { note: (line) => notes.push(line) },
    );
    expect(notes).toEqual([
      'SRV _coatcheck-tls._tcp.lab.test: no good answer of DNS (EBADRESP)',
      'SRV _coatcheck._tcp.b.test: left out is ".", which says that there is no such service',
    ]);
  });
});
