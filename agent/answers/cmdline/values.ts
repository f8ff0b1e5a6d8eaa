import { hostName, ipv4 } from './addresses.ts';
import { either, matching, oneOf } from './value-kind.ts';
import type { Kind } from './value-kind.ts';

/** One word of these characters: a name that the image gives a meaning to. */
export const word = (expected: string): Kind =>
  matching(expected, /[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?!\.)){0,63}/);

/** What hash a password has: those of crypt(5), and DES. Not what a file of accounts would part. */
export const cryptedPassword = matching(
  'a crypted password, as openssl passwd -6 prints it',
  /\$[0-9a-z]{1,8}\$[./0-9A-Za-z$=,_-]{8,360}|[./0-9A-Za-z]{13}/,
);

/** SHA-1 or SHA-256, as openssl prints it; colons may be left out. */
export const fingerprint: Kind = {
  expected: 'a SHA-1 or SHA-256 fingerprint in hexadecimal',
  canonical(text) {
    const hex = /^[0-9a-f]{2}(:[0-9a-f]{2})*$/i.test(text) ? text.replaceAll(':', '') : text;
    if (!/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/i.test(hex)) return undefined;
    return hex.toUpperCase().replace(/..(?=.)/g, '$&:');
  },
};

/** An absolute path that needs no quoting anywhere. */
export const path = matching(
  'an absolute path',
  /(?=.{2,255}$)(?:\/(?!\.\.?(?:\/|$))[A-Za-z0-9_.@:+-]+)+/,
);

/** `<host>:<absolute path>`. */
export const nfsExport: Kind = {
  expected: '<host>:<path>, as in nfs.example.com:/crash',
  canonical(text) {
    const colon = text.indexOf(':/');
    const server = either('', ipv4, hostName).canonical(text.slice(0, Math.max(0, colon)));
    const folder = path.canonical(text.slice(colon + 1));
    return server === undefined || folder === undefined ? undefined : `${server}:${folder}`;
  },
};

/** `<user>@<host>`. */
export const login: Kind = {
  expected: '<user>@<host>',
  canonical(text) {
    const [user = '', at = '', ...rest] = text.split('@');
    const server = either('', ipv4, hostName).canonical(at);
    const isUser = /^[a-z_][a-z0-9_-]{0,31}$/.test(user);
    return isUser && server !== undefined && rest.length === 0 ? `${user}@${server}` : undefined;
  },
};

/** RFC 3721, section 1.1. */
export const iscsiName = matching(
  'an iSCSI name, as in iqn.2026-11.com.example:node1',
  /(?=.{1,223}$)(?:iqn\.[0-9]{4}-(?:0[1-9]|1[0-2])\.[a-z0-9][a-z0-9.-]*(?::[a-z0-9.:-]+)?|eui\.[0-9A-Fa-f]{16}|naa\.(?:[0-9A-Fa-f]{16}|[0-9A-Fa-f]{32}))/,
);

/** As the metadata of a bundle have it. */
export const swap = either(
  'none, zram, or disk:<device>, as in disk:/dev/sda2',
  oneOf('none', 'zram'),
  matching('', /disk:\/dev\/(?!.*\.\.)[A-Za-z0-9_.:/+-]{1,200}/),
);
