import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { afterEach, expect, it } from 'vitest';
import { describeWith } from '../tests/support/components.ts';
import { openNetwork } from '../tests/support/network.ts';
import type { Network } from '../tests/support/network.ts';

/** The boot server's files, as they are, before what firmware asks. */

const FOLDER = 'image/boot-server';

/**
 * Asks as firmware does (RFC 2131, RFC 4578), from the address 0.0.0.0 of the interface in its arguments, and prints what
 * it is told to start: option 67, or the field of that name, and the class of the answer.
 */
const FIRMWARE = String.raw`
import json, socket, struct, sys
nic, to, port, arch, vendor, user, *ipxe = sys.argv[1:]
own = socket.inet_aton('10.77.0.9') if port == '4011' else bytes(4)
mac = bytes.fromhex(open(f'/sys/class/net/{nic}/address').read().strip().replace(':', ''))
option = lambda code, value: bytes([code, len(value)]) + value
sent = struct.pack('!BBBBIHH4sIII16s64s128s', 1, 1, 6, 0, 77, 0, 0 if any(own) else 0x8000, own, 0, 0, 0, mac, b'', b'')
sent += b'\x63\x82\x53\x63' + option(53, b'\x03' if any(own) else b'\x01') + option(55, bytes([1, 3, 43, 60, 66, 67]))
sent += option(60, vendor.encode()) + option(93, struct.pack('!H', int(arch))) + option(94, b'\x01\x03\x10')
sent += option(97, b'\x00' + b'u' * 16)
if user: sent += option(77, user.encode())
if ipxe: sent += option(175, b'\xb1\x01\x01')
sent += b'\xff'
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, nic.encode())
s.bind(('', 68))
s.settimeout(20)
s.sendto(sent, (to, int(port)))
got = s.recv(4096)
options, at = {}, 240
while got[at] != 255:
    if got[at] == 0: at += 1; continue
    options[got[at]] = got[at + 2:at + 2 + got[at + 1]]
    at += 2 + got[at + 1]
file = options.get(67, got[108:236]).split(b'\0')[0].decode()
print(json.dumps({'file': file, 'class': options.get(60, b'').decode(), 'address': got[16:20] != b'\0' * 4}))
`;

interface Told {
  readonly file: string;
  readonly class: string;
  readonly address: boolean;
}

const PXE = (arch: number): string => `PXEClient:Arch:${String(arch).padStart(5, '0')}:UNDI:003016`;
const HTTP = 'HTTPClient:Arch:00016:UNDI:003001';
const SCRIPT = 'http://10.77.0.1:8080/boot.ipxe';

describeWith('network', 'the boot server', () => {
  let network: Network | undefined;
  afterEach(() => network?.close());

  it.each(readdirSync(FOLDER).filter((name) => name.endsWith('.conf')))(
    '%s is what dnsmasq reads',
    (name) => {
      const args = ['--test', `--conf-file=${FOLDER}/${name}`];
      expect(() => execFileSync('dnsmasq', args, { stdio: 'pipe' })).not.toThrow();
    },
  );

  /** What this firmware is told. */
  async function told(conf: string, ...firmware: string[]): Promise<Told> {
    network = await openNetwork();
    await network.dnsmasq([`--conf-file=${FOLDER}/${conf}`]);
    const nic = { name: 'eth0', mac: '52:54:00:77:00:01', linked: true };
    const machine = await network.machine([nic], ['python3']);
    await machine.run(['ip', 'link', 'set', 'eth0', 'up']);
    await machine.run(['ip', 'route', 'add', 'default', 'dev', 'eth0']);
    const ask = async (to: string, port: string): Promise<Told> => {
      const args = ['-c', FIRMWARE, 'eth0', to, port, ...firmware];
      const ran = await machine.run(['python3', ...args]);
      if (ran.stdout === '') throw new Error(JSON.stringify(ran));
      return JSON.parse(ran.stdout) as Told;
    };
    const answer = await ask('255.255.255.255', '67');
    if (answer.file !== '') return answer;
    // Firmware with a list to choose from asks again, with the address that it has by then.
    await machine.run(['ip', 'addr', 'add', '10.77.0.9/24', 'dev', 'eth0']);
    return { ...answer, file: (await ask('10.77.0.1', '4011')).file };
  }

  it.each([
    ['BIOS', 'lpxelinux.0', ['0', PXE(0), '']],
    ['UEFI', 'ipxe.efi', ['7', PXE(7), '']],
    ['older UEFI', 'ipxe.efi', ['9', PXE(9), '']],
    ['iPXE on BIOS', SCRIPT, ['0', PXE(0), 'iPXE', '175']],
    ['iPXE on UEFI, by its user class alone', SCRIPT, ['7', PXE(7), 'iPXE']],
    ['UEFI over HTTP', 'http://10.77.0.1:8080/ipxe.efi', ['16', HTTP, '']],
  ])('gives %s an address and what it can start', async (_, file, firmware) => {
    const answer = await told('dnsmasq.conf', ...firmware);
    expect(answer).toMatchObject({ file, address: true });
    // Firmware that boots over HTTP reads no other answer.
    if (firmware[1] === HTTP) expect(answer).toMatchObject({ class: 'HTTPClient' });
  });

  it.each([
    ['BIOS', 'lpxelinux.0', ['0', PXE(0), '']],
    ['UEFI', 'ipxe.efi', ['7', PXE(7), '']],
    ['iPXE', SCRIPT, ['0', PXE(0), 'iPXE', '175']],
  ])(
    'beside another DHCP server it gives %s what it can start, and no address',
    async (_, file, firmware) => {
      expect(await told('dnsmasq-proxy.conf', ...firmware)).toMatchObject({ file, address: false });
    },
  );
});
