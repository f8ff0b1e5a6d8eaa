import type { AnswerName } from './answers.ts';
import { host, splitHostAndPort } from './addresses.ts';

type Said = Readonly<Partial<Record<AnswerName, string | undefined>>>;

/** What one argument says, by the names of the arguments that say it apart; unchecked. */
export interface Parts {
  /** They count where there is no argument of their own. */
  readonly otherwise?: Said;
  readonly alone?: Said;
  /** They belong together: an argument of its own does not change one of them. */
  readonly together?: Said;
}

const BY_DHCP = ['dhcp', 'on', 'any', 'both'];
const BY_NOBODY = ['off', 'none'];

/**
 * What an argument says: itself, but for `ip=` and `management_server=`, which may have parts.
 *
 * `ip=` is read by the kernel and by dracut as well, so every form of an address that means the same
 * to them is taken: `<client>:<server>:<gateway>:<netmask>` with up to three more fields (host name,
 * device, method; Documentation/admin-guide/nfs/nfsroot.rst), `<device>:<method>`
 * (dracut.cmdline(7)), and `<address>/<prefix>`.
 */
export function partsOf(name: AnswerName, text: string | undefined): Parts {
  if (text === undefined) return { alone: { [name]: text } };
  if (name === 'management_server' && host.canonical(text) === undefined) {
    const { host: server, port } = splitHostAndPort(text);
    return { together: { management_server: server, ...named({ management_port: port }) } };
  }
  if (name !== 'ip') return { alone: { [name]: text } };
  const fields = text.split(':');
  if (fields.length === 1) {
    const [address = '', prefix] = text.split(/\/(.*)/s);
    return { together: { ip: method(address), ...named({ netmask: prefix }) } };
  }
  if (fields.length === 2) {
    return { together: { ip: method(fields[1]!) }, otherwise: named({ BOOTIF: fields[0] }) };
  }
  if (fields.length < 4 || fields.length > 7) return { alone: { ip: text } };
  const [client = '', , gateway, netmask, hostname, device, by = ''] = fields;
  const otherwise = named({ hostname, BOOTIF: device });
  if (client === '' || BY_DHCP.includes(by)) {
    return { together: { ip: method(by === '' ? 'dhcp' : by) }, otherwise };
  }
  const router = gateway === '0.0.0.0' ? '' : gateway;
  return { together: { ip: client, ...named({ gateway: router, netmask }) }, otherwise };
}

const method = (by: string): string =>
  BY_DHCP.includes(by) ? 'dhcp' : BY_NOBODY.includes(by) ? 'off' : by;

/** Without those that are empty or not there. */
const named = (parts: Said): Said =>
  Object.fromEntries(Object.entries(parts).filter(([, text]) => text));
