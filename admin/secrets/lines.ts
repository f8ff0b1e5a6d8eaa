import { eachLine, range, tailOf, TOKEN } from './text.ts';
import type { LineParser, Range } from './text.ts';

/** chrony.keys(5): a number, perhaps a type, and the key. */
export const chronyKeys = eachLine((line) => {
  const [, key = ''] = /^\d+(?: +[A-Z][A-Z0-9-]*)? +(\S+)\s*$/.exec(line) ?? [];
  return TOKEN.test(key) ? tailOf(line, key) : undefined;
});

/**
 * pppd(8): client, server, secret, and perhaps addresses; `@` before a file is no secret. A backslash
 * may make that `@`, and it or a quotation mark that is left open goes on in the next line: of such a
 * file all is shown.
 */
export const pppSecrets: LineParser = (lines) => {
  const isPlain = lines.every(
    (line) => /^\s*#/.test(line) || (!/['\\]/.test(line) && line.split('"').length % 2 === 1),
  );
  return isPlain ? pppLines(lines) : lines.map(() => undefined);
};

const pppLines = eachLine((line) => {
  const [, before = '', secret = ''] =
    /^((?:[^\s"#]+|"[^"]*")\s+(?:[^\s"]+|"[^"]*")\s+)("[^"@][^"]*"|[^\s"@]+)(?:\s+[\da-f.:*/-]+)*\s*$/i.exec(
      line,
    ) ?? [];
  return secret === '' ? undefined : range(line, before.length, before.length + secret.length);
});

/** ipsec.secrets(5): a shared key between quotation marks, and nothing behind it. */
export const ipsecSecrets = eachLine((line) => {
  const [, secret = ''] =
    /^(?:[\w.%@:-][\w.%@: -]*|): (?:PSK|EAP|XAUTH) ("[^"\p{C}]+")\s*$/u.exec(line) ?? [];
  return secret === '' ? undefined : tailOf(line, secret);
});

/** One word that is the whole file: pam_ldap's ldap.secret. */
export function onlyToken(lines: readonly string[]): (Range | undefined)[] {
  const [token = '', ...rest] = lines;
  const alone = TOKEN.test(token) && rest.every((line) => line === '');
  return lines.map((line, i) => (alone && i === 0 ? tailOf(line, line) : undefined));
}

/** The credentials of `etc/coatcheck/engine-credentials.json`, where they are an object of JSON, a member a line. */
export function jsonPassword(lines: readonly string[]): (Range | undefined)[] {
  const isObject = isJsonObject(lines.join('\n'));
  return lines.map((line) => {
    const [, before = '', secret = ''] =
      /^((?:\{|\s)*(?:"username"\s*:\s*"[^"\\]*",\s*)?"password"\s*:\s*)("(?:[^"\\\p{C}])+")[\s,}]*$/u.exec(
        line,
      ) ?? [];
    return isObject && secret !== ''
      ? range(line, before.length, before.length + secret.length)
      : undefined;
  });
}

function isJsonObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}
