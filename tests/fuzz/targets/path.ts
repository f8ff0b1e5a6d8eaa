import { posix } from 'node:path';
import { checkPath } from '../../../bundle/path.ts';
import { traitsOf } from '../../../protocol/paths.ts';
import type { Target } from '../engine/target.ts';
import { demand, verdict } from '../engine/verdict.ts';

/** A path that is taken stays below the root wherever it is joined to, and has one spelling. */
export const target: Target = {
  run(input) {
    const path = Buffer.from(input).toString('latin1');
    const kind = traitsOf(path)?.executes ?? 'none';
    const outcome = verdict(() => {
      checkPath(path);
      demand(posix.join('/root', path) === `/root/${path}`, 'it leaves the folder');
      demand(posix.normalize(path) === path, 'it has another spelling');
      demand(/^[\x20-\x7e]{1,1024}$/.test(path), 'it is not printable ASCII');
      demand(
        path.split('/').every((part) => part.length <= 255),
        'a part is too long',
      );
      return `ok ${kind}`;
    });
    demand(
      outcome.startsWith('ok') || kind === 'none' || path.length > 255,
      'refused, and classified',
    );
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
  ].map((text) => Buffer.from(text, 'latin1')),
  words: ['../', './', '//', '/', '.', '..', '*', '\\', '%2e', '\0'],
  limits: { maxBytes: 1300, work: [200, 20], allocated: [1024, 1] },
};
