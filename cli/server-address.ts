import { fail } from '../protocol/errors.ts';
import { isServerAddress } from '../protocol/address.ts';

/** The server that `--server` names; the slash that a browser puts behind an address is left out. @throws usage */
export function serverAddress(text: string): string {
  const address = text.replace(/\/$/, '');
  if (isServerAddress(address)) return address;
  throw fail(
    'usage',
    '--server is an address such as https://coatcheck.example or https://example.net/coatcheck',
  );
}
