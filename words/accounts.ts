import type { AccountChange, AccountView } from '../admin/secrets/accounts.ts';
import { escapeLine } from '../protocol/escape.ts';

/** What changes for an account of passwd or shadow, in a line; no hash is in it. */
export function accountText({ name, before, after, passwordChanged }: AccountChange): string {
  const said = [before, after].filter((side) => side !== undefined).map(passwordWords);
  const password = said[0] === said[1] ? said.slice(1) : said;
  const changed = passwordChanged && said.length === 2 && password.length === 1 ? ', changed' : '';
  return `account ${escapeLine(name)}: ${password.join(' -> ')}${changed}`;
}

const PASSWORDS = {
  empty: 'EMPTY PASSWORD',
  locked: 'locked',
  none: 'no password',
  set: 'password',
};

function passwordWords({ password, scheme, changed, expires }: AccountView): string {
  return [
    scheme === undefined ? PASSWORDS[password] : `${PASSWORDS[password]} (${scheme})`,
    ...(changed === undefined ? [] : [`set ${day(changed)}`]),
    ...(expires === undefined ? [] : [`ends ${day(expires)}`]),
  ].join(', ');
}

const day = (days: number): string => new Date(days * 86_400_000).toISOString().slice(0, 10);
