import { MAX_TIME } from '../../../bundle/index.ts';
import { homeAt } from '../../../cli/home.ts';
import { serverAddress } from '../../../cli/server-address.ts';
import { storePlace } from '../../../functions/stores/kinds.ts';
import { parseExpiry, when } from '../../../words/time.ts';
import { isServerAddress } from '../../../protocol/address.ts';
import { parseDigest, parseNodeId } from '../../../protocol/keys.ts';
import type { Target } from '../engine/target.ts';
import { demand, verdict } from '../engine/verdict.ts';

const NOW = 1_790_000_000;
const home = homeAt('/home/ada/site');

/** A value of the command line: it is read in one way, or refused as `usage`. */
export const target: Target = {
  run(input) {
    const text = Buffer.from(input).toString('utf8');
    const outcomes = [
      verdict(() => {
        const seconds = parseExpiry(text, NOW);
        if (seconds === 'never') return seconds;
        demand(Number.isInteger(seconds) && seconds > NOW && seconds <= MAX_TIME, 'no such time');
        demand(when(seconds).endsWith(' UTC'), 'it is not shown');
        return 'expiry';
      }),
      verdict(() => {
        const address = serverAddress(text);
        demand(isServerAddress(address), 'it is no address');
        return 'server';
      }),
      ...[{}, { credentials: 'c' }, { credentials: 'c', endpoint: text }].map((flags) =>
        verdict(() => {
          const store = 'endpoint' in flags ? 's3://bucket' : text;
          const place = storePlace({ region: 'r', store, ...flags }, home);
          if (place.kind === 's3')
            demand(/^[a-z0-9.-]{3,63}$/.test(place.bucket), 'no such bucket');
          else if (place.kind === 'filesystem')
            demand(place.folder.startsWith('/'), 'no such folder');
          else demand(/^https?:\/\/[^?#@/]+\/([^?#]*\/)?$/.test(place.url), 'no such collection');
          return place.kind;
        }),
      ),
      verdict(() => (parseNodeId(text), 'node')),
      verdict(() => (parseDigest(text), 'digest')),
    ];
    for (const outcome of outcomes) {
      demand(!/_/.test(outcome) || /^bad_(node_id|digest)$/.test(outcome), `refused as ${outcome}`);
    }
    return outcomes.join(' ');
  },
  seeds: [
    ...['30d', '12h', '999999w', '2027-01-31', '2027-01-31T12:00:00Z', '2027-02-30T25:00+99:99'],
    ...[
      'http://127.0.0.1:8420',
      'https://a.example/',
      'https://a@b',
      's3://bucket-1',
      's3://',
      'file:///x',
    ],
    ...['a'.repeat(32), 'ab'.repeat(32), '9999-12-31T23:59:59-23:59', '\0', ''],
  ].map((text) => Buffer.from(text)),
  words: [
    'd',
    'T',
    'Z',
    ':',
    '-',
    '+00:00',
    's3://',
    'http://',
    'https://',
    '/',
    '@',
    '[::1]',
    '1e3',
  ],
  limits: { maxBytes: 128, work: [500, 20], allocated: [1024, 8] },
};
