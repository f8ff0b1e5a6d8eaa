import { fail } from '../protocol/errors.ts';
import { isOrigin } from '../protocol/site.ts';

/** The origin that `--server` names; the slash that a browser puts behind one is left out. @throws usage */
export function serverAddress(text: string): string {
  const origin = text.replace(/\/$/, '');
  if (isOrigin(origin)) return origin;
  throw fail('usage', '--server is an origin without a path, such as https://coatcheck.example');
}
