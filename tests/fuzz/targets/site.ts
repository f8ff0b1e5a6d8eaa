import { utf8, toBase64Url } from '../../../bundle/bytes.ts';
import { encodeSignedKeyset } from '../../../bundle/keyset.ts';
import { parseCa } from '../../../net/certificates.ts';
import { formatSite, parseSite } from '../../../protocol/site.ts';
import { pinned, SITE } from '../../fixtures/format.ts';
import type { Target } from '../engine/target.ts';
import { demand, sameText, verdict } from '../engine/verdict.ts';
import { JSON_WORDS } from '../engine/json-words.ts';

const site = {
  id: SITE,
  name: 'Lab 1',
  pinned,
  approval: 'required',
  servers: ['https://a.example', 'http://127.0.0.1:8420'],
  maxBundleBytes: 262_144,
} as const;

/** A site that is read is the same after it was written and read again. */
export const target: Target = {
  run(input) {
    const file = Buffer.from(input).toString('utf8');
    const outcome = verdict(() => {
      const read = parseSite(file, parseCa);
      const text = formatSite(read);
      sameText(formatSite(parseSite(text, parseCa)), text);
      demand(
        read.servers.every((server) => new URL(server).href.replace(/\/$/, '') === server),
        'not an address',
      );
      demand(read.maxBundleBytes <= 1024 * 1024 && read.maxBundleBytes >= 1024, 'no such limit');
      return `ok ${read.approval} ${Math.min(read.servers.length, 2)}`;
    });
    demand(/^ok|^file_malformed$/.test(outcome), `refused as ${outcome}`);
    return outcome;
  },
  seeds: [
    formatSite(site),
    formatSite({ ...site, approval: 'none', servers: [] }),
    JSON.stringify({ coatcheck: 'site/1', keyset: toBase64Url(encodeSignedKeyset(pinned)) }),
    '{"__proto__":{"approval":"none"}}',
    '[]',
    'null',
  ].map(utf8),
  words: [...JSON_WORDS, 'true', 'http://'],
  limits: { maxBytes: 1200, work: [20_000, 100], allocated: [16_384, 16] },
};
