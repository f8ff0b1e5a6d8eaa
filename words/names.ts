import { escapeLine } from '../protocol/escape.ts';

/** A node as a person names it: its host name in force, or the beginning of its id. */
export const shortName = ({
  name,
  node,
}: {
  readonly name?: string | undefined;
  readonly node: string;
}): string => (name === undefined ? node.slice(0, 16) : escapeLine(name));

/**
 * Names in a few words: of three or more that count up one by one, as many digits each, the first and the
 * last (`gx003..gx010`). A name that stands there twice stays there twice.
 * @param names in the order in which they are said
 */
export function namesText(names: readonly string[]): string {
  const said: string[] = [];
  for (let at = 0; at < names.length;) {
    let end = at + 1;
    while (end < names.length && names[end] === successor(names[end - 1]!)) end++;
    if (end - at >= 3) said.push(`${names[at]!}..${names[end - 1]!}`);
    else said.push(...names.slice(at, end));
    at = end;
  }
  return said.join(', ');
}

/** The name whose last number is one more, with as many digits; undefined where there is none. */
function successor(name: string): string | undefined {
  const [, before = '', digits = '', after = ''] = /^(.*?)(\d{1,9})(\D*)$/.exec(name) ?? [];
  if (digits === '') return undefined;
  const next = String(Number(digits) + 1).padStart(digits.length, '0');
  return next.length === digits.length || !digits.startsWith('0')
    ? `${before}${next}${after}`
    : undefined;
}
