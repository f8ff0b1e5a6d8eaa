import { concat, utf8 } from '../../../bundle/bytes.ts';
import { decodeManifest, encodeManifest } from '../../../bundle/manifest.ts';
import { manifestOf } from '../../fixtures/format.ts';
import type { Target } from '../engine/target.ts';
import { demand, sameBytes, verdict } from '../engine/verdict.ts';

const head = encodeManifest(manifestOf()).subarray(0, 96);
/** The end of the section, and no files. */
const tail = utf8('\n\n\n\n');

const LISTS = 'disable\ta.service b.socket\nenable\tssh.service\nmask\tgetty@tty1.service\n';
const TEXTS =
  'hostname\tlab1.example\nkeySource\tusb\nmadeAt\t1795500000\nmadeBy\tcoatcheck-agent 0.1.0\n';

/** The section of metadata in a manifest: what is read is what is written, and has no prototype. */
export const target: Target = {
  run: (input) =>
    verdict(() => {
      const bytes = concat(head, input, tail);
      const { metadata } = decodeManifest(bytes);
      sameBytes(encodeManifest(manifestOf({ metadata, files: [] })), bytes);
      for (const record of [metadata.answers, metadata.restart, metadata.left]) {
        demand(record === undefined || Object.getPrototypeOf(record) === null, 'it inherits');
      }
      return `ok ${Object.keys(metadata).length}`;
    }),
  seeds: [
    '',
    TEXTS,
    `answer:proxy\thttp://proxy\n${LISTS}${TEXTS}`,
    'answer:__proto__\tx\nanswer:constructor\ty\nrestart:etc/hosts\tssh.service\n',
    'answer:a\tü\nswap\tdisk:/dev/disk/by-id/x\ntimezone\tEurope/Berlin\n',
    'alias\ta.service=b.service user/a.socket=b.socket\nfresh\t0123456789abcdef0123456789abcdef\nimage\t2026.11\nleft:etc/hosts\t0123abcd\n',
    'generation\t65535\nmadeAt\t0\n',
    'wants\ta.target.requires/b.service user/a.target.wants/b.service\n',
    'left:__proto__\t00000000\nrestart:__proto__\tssh.service\n',
    'restart:__proto__\tssh.service\nrestart:constructor\ta.path\nswap\tzram\n',
  ].map(utf8),
  words: [
    '\n',
    '\t',
    ': ',
    '.service',
    '.device',
    'restart:',
    'answer:',
    '.wants/',
    '__proto__',
    '/etc/',
  ],
  limits: { maxBytes: 1500, work: [4000, 400], allocated: [8192, 64] },
};
