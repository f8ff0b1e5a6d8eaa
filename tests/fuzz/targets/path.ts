import { posix } from 'node:path';
import { pathIn, showPath } from '../../../bundle/errors.ts';
import { checkPath } from '../../../bundle/path.ts';
import { decodeBytes, escapeLine } from '../../../protocol/escape.ts';
import { BUILT_IN_PATHS } from '../../../protocol/paths.ts';
import type { Target } from '../engine/target.ts';
import { demand, verdict } from '../engine/verdict.ts';

/**
 * A path that is taken stays below the root wherever it is joined to, and has one spelling; and any is
 * shown in ASCII, from which it can be had again.
 */
export const target: Target = {
  run(input) {
    const path = decodeBytes(input);
    const shown = showPath(path);
    demand(/^[ -~]+$/.test(shown) && escapeLine(shown) === shown, 'it is not shown in ASCII');
    const kind = BUILT_IN_PATHS.traitsOf(path)?.executes ?? 'none';
    const outcome = verdict(() => {
      checkPath(path);
      demand(posix.join('/root', path) === `/root/${path}`, 'it leaves the folder');
      demand(posix.normalize(path) === path, 'it has another spelling');
      demand(path.normalize('NFC') === path, 'it is not in NFC');
      demand(
        escapeLine(path.replaceAll('<', '')) === path.replaceAll('<', ''),
        'it hides something',
      );
      demand(Buffer.from(path).equals(Buffer.from(input)), 'it has other bytes');
      demand(
        pathIn(shown.replaceAll('\\\\', '\\').replace(/^"(.*)"$/, '$1')) === path,
        'another comes back',
      );
      demand(
        path.split('/').every((part) => Buffer.byteLength(part) <= 255),
        'a part is too long',
      );
      return `ok ${kind}`;
    });
    demand(outcome.startsWith('ok') || kind === 'none', 'refused, and classified');
    return outcome;
  },
  seeds: [
    ...['etc/hosts', 'etc/shadow', 'etc/systemd/system/a.service', 'etc/ssl/private/a/b', '/etc'],
    ...[
      'etc//hosts',
      './etc',
      'etc/../etc',
      'etc/ssh/ssh_host_rsa_key',
      'root/.ssh/authorized_keys',
    ],
    ...[
      'a'.repeat(255),
      `${'a'.repeat(255)}/${'b'.repeat(255)}`,
      'a'.repeat(256),
      'x/'.repeat(600),
    ],
    'etc/NetworkManager/system-connections/Wired connection 1.nmconnection',
    'etc/NetworkManager/system-connections/有線接続 1.nmconnection',
    ...[
      'etc/cron.d/caf\u00e9',
      'etc/cron.d/cafe\u0301',
      'etc/\uac00',
      'etc/\u1100\u1161',
      'é'.repeat(127),
    ],
  ].map((text) => Buffer.from(text)),
  words: [
    '../',
    './',
    '//',
    '/',
    '.',
    '..',
    '*',
    '\\',
    '%2e',
    '\0',
    ' ',
    '\u0301',
    '\u202e',
    '\\u0041',
  ],
  limits: { maxBytes: 1300, work: [2000, 20], allocated: [1024, 1] },
};
