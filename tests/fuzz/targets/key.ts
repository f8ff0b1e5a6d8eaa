import {
  approvedKey,
  cosignKey,
  historyKey,
  keysetKey,
  parseKey,
  pendingKey,
  rejectedKey,
  reportKey,
} from '../../../protocol/keys.ts';
import type { ParsedKey } from '../../../protocol/keys.ts';
import { fromBase32, toBase32 } from '../../../bundle/bytes.ts';
import { folderOfPrefix, objectPath, parseName } from '../../../store/filesystem-paths.ts';
import type { Target } from '../engine/target.ts';
import { demand, sameText } from '../engine/verdict.ts';

function make(parsed: ParsedKey): string {
  switch (parsed.prefix) {
    case 'pending':
      return pendingKey(parsed.node, parsed.digest);
    case 'rejected':
      return rejectedKey(parsed.node, parsed.digest);
    case 'history':
      return historyKey(parsed.node, parsed.slot);
    case 'approved':
      return approvedKey(parsed.node);
    case 'reports':
      return reportKey(parsed.node);
    case 'keysets':
      return keysetKey(parsed.version);
    case 'cosign':
      return cosignKey(parsed.node, parsed.statement, parsed.keyIndex);
  }
}

/** A key that is read is the one that its parts make; any key has a file of its own, in the folder. */
export const target: Target = {
  run(input) {
    const text = Buffer.from(input).toString('utf8');
    const path = objectPath('/store', text);
    demand(
      /^\/store\/[a-z0-9_%/-]*\.object$/.test(path) && !path.includes('//'),
      'it leaves the store',
    );
    const names = path.slice('/store/'.length).split('/');
    const segments = names.map((name, i) => parseName(name, i < names.length - 1));
    sameText(segments.join('/'), text, 'key read from its file');
    demand(folderOfPrefix('/store', text).path.startsWith('/store'), 'its folder leaves the store');

    const parsed = parseKey(text);
    if (parsed === undefined) return 'none';
    sameText(make(parsed), text, 'key written again');
    if ('node' in parsed) demand(fromBase32(parsed.node).length === 20, 'a node id is 20 bytes');
    return parsed.prefix;
  },
  seeds: (() => {
    const node = toBase32(new Uint8Array(20).fill(0x5a));
    const digest = 'ab'.repeat(32);
    return [
      ...[`pending/${node}/${digest}`, `rejected/${node}/${digest}`, `history/${node}/0000000001`],
      ...[`cosign/${node}/${digest}/0`, `cosign/${node}/${digest}/15`],
      ...[`approved/${node}`, `reports/${node}`, 'keysets/0000000002', 'keysets/0000000000'],
      ...['a//b', '../x', '', 'ü/%41/.', 'con', 'CON'],
    ].map((text) => Buffer.from(text));
  })(),
  words: ['/', '//', '../', '%2f', '.object', '\n'],
  limits: { maxBytes: 256, work: [1000, 40], allocated: [4096, 8] },
};
