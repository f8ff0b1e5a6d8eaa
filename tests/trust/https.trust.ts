import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { Server } from 'node:https';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signedImage } from '../pxe/image.ts';
import { configured, openRack } from '../pxe/lab.ts';
import type { Machine, Rack } from '../pxe/lab.ts';
import { must } from '../pxe/programs.ts';
import { believes, enrol, secureFirmware, without } from './firmware.ts';

/** The boot server's own file, with the signed image, over HTTPS, in the place of a loader. */
const CONF = readFileSync('image/boot-server/dnsmasq.conf', 'utf8').replace(
  'http://10.77.0.1:8080/ipxe.efi',
  'https://10.77.0.1:8443/coatcheck.efi',
);

describe('a boot server with a certificate, under Secure Boot', () => {
  const folder = mkdtempSync(join(tmpdir(), 'https-'));
  const at = (name: string): string => join(folder, name);
  let rack: Rack | undefined;
  let server: Server | undefined;
  beforeAll(async () => {
    const image = await signedImage((line) => process.stderr.write(`${line}\n`));
    await enrol(image.home, at('enrolled.fd'));
    for (const name of ['ours', 'theirs']) await makeAuthority(name);
    await must(['cert-to-efi-sig-list', at('ours.crt'), at('ours.esl')]);
    writeFileSync(at('dnsmasq.conf'), CONF);
    const bootServer = at('dnsmasq.conf');
    rack = await openRack('https', { image: signedImage, store: 'folder', bootServer });
    const program = readFileSync(join(image.folder, 'coatcheck.efi'));
    server = createServer((_, response) => {
      response.writeHead(200, { 'content-length': program.length }).end(program);
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    await rack.network.publish('10.77.0.1:8443', (server.address() as AddressInfo).port);
  });
  afterAll(async () => {
    await rack?.close();
    server?.close();
    rmSync(folder, { recursive: true });
  });

  // Older firmware knows no elliptic curves, newer takes nothing shorter.
  const KEY = ['-newkey', 'rsa:3072', '-nodes', '-days', '30'];

  async function makeAuthority(name: string): Promise<void> {
    const to = ['-keyout', at(`${name}.key`), '-out', at(`${name}.crt`)];
    await must(['openssl', 'req', '-x509', ...KEY, '-subj', `/CN=${name}/`, ...to]);
  }

  interface Certificate {
    readonly by?: string;
    readonly address?: string;
    /** Of it, as faketime(1) takes it */
    readonly made?: string;
  }

  /** Gives the server a certificate. */
  async function certify({ by = 'ours', address = '10.77.0.1', made }: Certificate): Promise<void> {
    const signer = ['-CA', at(`${by}.crt`), '-CAkey', at(`${by}.key`)];
    const of = ['-subj', '/CN=boot.lab.test/', '-addext', `subjectAltName=IP:${address}`];
    const to = ['-keyout', at('server.key'), '-out', at('server.crt')];
    const then = made === undefined ? [] : ['faketime', made];
    await must([...then, 'openssl', 'req', '-x509', ...KEY, ...of, ...signer, ...to]);
    const [key, cert] = ['server.key', 'server.crt'].map((name) => readFileSync(at(name)));
    server!.setSecureContext({ key, cert });
  }

  /** Switches a machine on that boots over HTTP alone. */
  async function boot(number: number, ...believed: string[]): Promise<Machine> {
    copyFileSync(at('enrolled.fd'), at('variables.fd'));
    const ways = without('IPv6', 'IPv4PXE');
    const args = [...secureFirmware(at('variables.fd')), ...believed, ...ways];
    const machine = await rack!.boot(number, { append: '', args, bare: true });
    await machine.line(/URI: https:\/\/10\.77\.0\.1:8443\/coatcheck\.efi/);
    return machine;
  }

  it('is booted from where the firmware believes who certified it, whenever that was', async () => {
    await certify({ made: '2020-01-01' });
    const machine = await boot(32, ...believes(at('ours.esl')));
    const [started] = await machine.line(/secureboot: Secure boot enabled|failed to load/i);
    expect(started).toMatch(/enabled/);
    await configured(rack!, machine);
  });

  it.each<[how: string, certificate: Certificate]>([
    ['of another authority', { by: 'theirs' }],
    ['of another address', { address: '10.77.0.2' }],
  ])('is refused with a certificate %s', async (_, certificate) => {
    await certify(certificate);
    await refused(await boot(33, ...believes(at('ours.esl'))));
  });

  it('is refused by a firmware that believes no authority', async () => {
    await certify({});
    await refused(await boot(33));
  });

  async function refused(machine: Machine): Promise<void> {
    await machine.line(/Error: Could not retrieve NBP file size from HTTP server/);
    await machine.line(/BdsDxe: failed to load Boot\d+ .*HTTP/);
    expect(machine.said()).not.toMatch(/Linux version|Downloading/);
    await machine.stop();
  }
});
