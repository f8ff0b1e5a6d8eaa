import * as fs from 'node:fs';
import { createServer, request as httpRequest } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { readBundle } from '../../bundle/header.ts';
import { openBundle } from '../../bundle/open.ts';
import { EXIT } from '../../protocol/errors.ts';
import { approvedKey, parseDigest, pendingKey } from '../../protocol/keys.ts';
import { formatSite } from '../../protocol/site.ts';
import { describeWith } from '../support/components.ts';
import { startLab } from '../support/lab.ts';
import type { Lab } from '../support/lab.ts';
import { agentProgram, makeMachine } from '../support/machine.ts';
import type { Machine } from '../support/machine.ts';
import type { Run } from '../support/run.ts';

let lab: Lab;
const clean: (() => void)[] = [];
beforeAll(async () => {
  lab = await startLab();
});
afterAll(() => lab.close());
afterEach(() => clean.splice(0).forEach((act) => act()));

const SITE_THAT_ALLOWS = { unapprovedWhenUnreachable: true };

/** A machine with the image of a node: systemd-networkd, and the kernel arguments that it boots with. */
function node(line: string, { of, site = {} }: { of?: Machine; site?: object } = {}): Machine {
  const machine = of ?? makeMachine({ ...lab.site, ...site });
  clean.push(() => machine.remove());
  machine.write('usr/lib/systemd/system/systemd-networkd.service', '[Service]\n');
  machine.write('cmdline', `BOOT_IMAGE=/vmlinuz ${line}\n`);
  return machine;
}

interface Boot {
  readonly done: Promise<Run>;
  /** Once the console has said it. */
  saw(pattern: RegExp): Promise<RegExpExecArray>;
  cut(): Promise<Run>;
}

function boot(machine: Machine, ...more: string[]): Boot {
  const line = ['--command-line', machine.path('cmdline'), '--no-network'];
  const command = [process.execPath, agentProgram()];
  const { child, done } = machine.start(command, [
    ...['--root', machine.root, 'start', ...line, ...more],
  ]);
  let said = '';
  child.stderr!.on('data', (text: string) => (said += text));
  return {
    done,
    async saw(pattern) {
      for (;;) {
        const found = pattern.exec(said);
        if (found !== null) return found;
        if (child.exitCode !== null)
          throw new Error(`it ended, and never said ${pattern.source}: ${said}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
    cut() {
      child.kill('SIGKILL');
      return done;
    },
  };
}

/** Boots until the machine waits for its proposal, and cuts the power. */
async function proposes(machine: Machine): Promise<string> {
  const booting = boot(machine);
  const [, digest] = await booting.saw(/approve ([0-9a-f]{64})/);
  await booting.cut();
  return digest!;
}

/** A web server that answers as it is told to. */
async function web(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<{ url: string; server: Server }> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  clean.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

/** Passes a request on to the lab, and its answer back. */
function passOn(
  request: IncomingMessage,
  response: ServerResponse,
  { host = request.headers.host!, change = (body: Buffer): Buffer => body } = {},
): void {
  const { method, url, headers } = request;
  const onward = httpRequest(`${lab.url}${url!}`, {
    method: method!,
    headers: { ...headers, host },
  });
  onward.once('response', (answer) => {
    const chunks: Buffer[] = [];
    answer.on('data', (chunk: Buffer) => chunks.push(chunk));
    answer.once('end', () => {
      const { 'content-length': _, ...rest } = answer.headers;
      response.writeHead(answer.statusCode!, rest).end(change(Buffer.concat(chunks)));
    });
  });
  onward.once('error', () => response.destroy());
  request.pipe(onward);
}

/** A mirror that holds one file. */
async function mirrorOf(path: string, bytes: Uint8Array): Promise<string> {
  const { url } = await web(({ url: asked }, response) => {
    if (asked === `/copies/${path}`) response.end(bytes);
    else response.writeHead(404).end('no such file');
  });
  return `${url}/copies/`;
}

/** An address that nothing listens at. */
async function nowhere(): Promise<string> {
  const { url, server } = await web(() => undefined);
  await new Promise((resolve) => server.close(resolve));
  return url;
}

const WITH_DHCP = 'stateless hostname=node-7.example.com ip=dhcp';

describeWith('systemctl', 'a start', () => {
  it('makes way for no shell of the machine on which another root is tried', async () => {
    const { code, stdout } = await boot(node('stateless rescue')).done;
    expect([code, stdout]).toEqual([EXIT.ok, 'rescue: no configuration is fetched\n']);
  });

  it('leaves a machine alone that is not stateless', async () => {
    const machine = node('root=/dev/sda1 ip=nonsense coatcheck.server=nonsense');
    const before = machine.tree();
    const { code, stdout, stderr } = await boot(machine).done;
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('nothing to do');
    expect(machine.tree()).toEqual(before);
    expect(fs.existsSync(machine.path('var/lib/coatcheck'))).toBe(false);
  });

  it('names a malformed argument, and where it is', async () => {
    const machine = node('stateless ip=10.0.0.300');
    const { code, stderr } = await boot(machine).done;
    expect(code).toBe(EXIT.usage);
    expect(stderr).toMatch(/ip.* at character 31.*\[bad_argument\]/);
  });

  it('makes a configuration of its arguments, waits for its approval, and is what was approved', async () => {
    const machine = node(WITH_DHCP);
    const booting = boot(machine);
    const [, digest] = await booting.saw(/approve ([0-9a-f]{64})/);
    expect(machine.tree()['etc/hostname']).toBeUndefined();
    await lab.approve(machine.identity, digest!);
    const { code, stdout } = await booting.done;
    expect(stdout).toContain('applied decision 1');
    expect(code).toBe(0);
    expect(machine.read('etc/hostname')).toBe('node-7.example.com\n');
    expect(Object.keys(machine.tree()).join()).toContain('etc/systemd/network/');
  });

  it('has nothing to propose after that, whatever its image has', async () => {
    const machine = node(`${WITH_DHCP} ssh_pwauth=1 rootpw=$6$5salt5salt$${'x'.repeat(86)}`);
    machine.write('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\n');
    machine.write('etc/shadow', 'root:*:1::::::\ndaemon:*:1::::::\n', 0o600);
    machine.write('etc/issue', 'of the image\n');
    const booting = boot(machine);
    const [, digest] = await booting.saw(/approve ([0-9a-f]{64})/);
    await lab.approve(machine.identity, digest!);
    expect((await booting.done).code).toBe(0);
    expect(machine.read('etc/shadow')).toContain('root:$6$');
    expect(await machine.json('propose')).toEqual({ state: 'unchanged' });
  });

  it('waits for the same proposal after a power cut', async () => {
    const machine = node(WITH_DHCP);
    const digest = await proposes(machine);
    expect(await proposes(node(WITH_DHCP, { of: machine.reboot() }))).toBe(digest);
  });

  it('makes no proposal at every boot because firstboot was left in the PXE file', async () => {
    const machine = node(WITH_DHCP);
    await lab.approve(machine.identity, await proposes(machine));
    const again = node(`${WITH_DHCP} firstboot`, { of: machine.reboot() });
    const { code, stdout } = await boot(again).done;
    expect([code, stdout]).toEqual([0, expect.stringContaining('applied decision 1')]);
    const { objects } = await lab.admin.list({ prefix: 'pending', node: machine.identity.id });
    expect(objects).toEqual([]);
  });

  it('applies with reinstall nothing but the new configuration', async () => {
    const machine = node(WITH_DHCP);
    await lab.approve(machine.identity, await proposes(machine));
    const anew = node('stateless hostname=node-8 ip=dhcp reinstall', { of: machine.reboot() });
    const booting = boot(anew);
    const [, digest] = await booting.saw(/approve ([0-9a-f]{64})/);
    expect(anew.tree()['etc/hostname']).toBeUndefined();
    await lab.approve(machine.identity, digest!);
    expect((await booting.done).stdout).toContain('applied decision 2');
    expect(anew.read('etc/hostname')).toBe('node-8\n');
  });

  it('keeps the SSH host keys with which it was approved, and is asked for them once', async () => {
    const PATHS = ['etc/ssh/ssh_host_ed25519_key', 'etc/ssh/ssh_host_ed25519_key.pub'];
    let boots = 0;
    /** As an image that makes them at every boot where there are none. */
    const withKeys = (line: string, of?: Machine): Machine => {
      const machine = node(line, of && { of: of.reboot() });
      boots++;
      machine.write(PATHS[0]!, `private ${boots}\n`, 0o600);
      machine.write(PATHS[1]!, `public ${boots}\n`);
      return machine;
    };
    const keysOf = (machine: Machine): string[] => PATHS.map((path) => machine.tree()[path]!);

    const machine = withKeys(WITH_DHCP);
    await lab.decide(machine.identity, 'reject', { digest: await proposes(machine) });
    const refused = boot(withKeys(WITH_DHCP, machine));
    await refused.saw(/was refused/);
    await refused.cut();
    const other = withKeys(`${WITH_DHCP} ssh_pwauth=no`, machine);
    other.write('etc/ssh/sshd_config', 'Include /etc/ssh/sshd_config.d/*.conf\n');
    const digest = await proposes(other);
    await lab.approve(machine.identity, digest);

    const next = withKeys(`${WITH_DHCP} firstboot ssh_pwauth=no`, machine);
    next.write('etc/ssh/sshd_config', 'Include /etc/ssh/sshd_config.d/*.conf\n');
    expect((await boot(next).done).stdout).toContain('applied decision 2');
    expect(keysOf(next)).toEqual(['600 private 3\n', '644 public 3\n']);

    await lab.decide(machine.identity, 'reconfigure', { digest });
    await lab.approve(machine.identity, await proposes(withKeys(WITH_DHCP, machine)));
    const last = withKeys(WITH_DHCP, machine);
    expect((await boot(last).done).code).toBe(0);
    expect(keysOf(last)).toEqual(['600 private 3\n', '644 public 3\n']);
  });

  it(
    'proposes an answer of which this image makes no file, and says so once, however often it tries',
    { tags: 'long' },
    async () => {
      let tries = 0;
      const { url } = await web((request, response) => {
        if (request.url!.includes('/proposals') && tries++ < 2) response.destroy();
        else passOn(request, response);
      });
      const machine = node(`stateless ip=dhcp coatcheck.server=${url}`);
      fs.rmSync(machine.path('usr/lib/systemd/system/systemd-networkd.service'));
      const booting = boot(machine);
      await booting.saw(/approve [0-9a-f]{64}/);
      expect(tries).toBeGreaterThan(2);
      expect((await booting.cut()).stderr.match(/has no use for ip/g)).toHaveLength(1);
    },
  );

  it('says what image it made its configuration on', async () => {
    const machine = node(WITH_DHCP);
    machine.write('usr/lib/coatcheck/image.json', '{"version":"seven"}\n');
    const key = pendingKey(machine.identity.id, parseDigest(await proposes(machine)));
    const { body } = (await lab.store.get(key, { maxBytes: 2 ** 24 }))!;
    const sealed = readBundle(body, { maxBytes: body.length, expect: 'proposal' });
    expect(openBundle(sealed, machine.identity).metadata.image).toBe('seven');
  });

  it('says that nobody can be asked where the arguments are not enough', async () => {
    const booting = boot(node('stateless hostname=node-9'));
    await booting.saw(/does not say ip, and there is no terminal/);
    await booting.saw(/nothing is approved/);
    await booting.cut();
  });
});

describeWith('systemctl', 'a server that is down', () => {
  /** A machine that was approved, booted anew with `line` and a server that does not answer. */
  async function approvedThen(line: string): Promise<{ machine: Machine; copy: Uint8Array }> {
    const first = node(WITH_DHCP);
    await lab.approve(first.identity, await proposes(first));
    const copy = await lab.approved(first.identity.id);
    const machine = node(`${WITH_DHCP} coatcheck.server=${await nowhere()} ${line}`, {
      of: first.reboot(),
    });
    return { machine, copy };
  }

  it('is waited for, and nothing is applied until it is back', async () => {
    const { url } = await web((_, response) => response.destroy());
    const first = node(WITH_DHCP);
    await lab.approve(first.identity, await proposes(first));
    const machine = node(`${WITH_DHCP} coatcheck.server=${url}`, { of: first.reboot() });
    const before = machine.tree();
    const booting = boot(machine);
    await booting.saw(/\[server_unreachable\]/);
    expect(machine.tree()).toEqual(before);
    await booting.cut();
  });

  it.each([
    [
      'dies halfway through the download',
      'store_unavailable',
      (bytes: Uint8Array, response: ServerResponse) => {
        response.writeHead(200, { 'content-length': bytes.length });
        response.write(bytes.subarray(0, bytes.length / 2), () => response.destroy());
      },
    ],
    [
      'answers garbage',
      'bad_magic',
      (_: Uint8Array, response: ServerResponse) => response.end('<html>log in</html>'),
    ],
    [
      'gives half of it for all',
      'digest_mismatch',
      (bytes: Uint8Array, response: ServerResponse) =>
        response.end(bytes.subarray(0, bytes.length / 2)),
    ],
  ])(
    'and one that %s: nothing half is applied, and it goes on when it is back',
    async (_, refusedAs, fail) => {
      const first = node(WITH_DHCP);
      await lab.approve(first.identity, await proposes(first));
      const bytes = await lab.approved(first.identity.id);
      let isBroken = true;
      const { url } = await web((request, response) => {
        if (request.url!.startsWith('/v1/')) {
          const change = (body: Buffer): Buffer =>
            Buffer.from(body.toString().replaceAll(lab.url, url));
          passOn(request, response, { change });
        } else if (isBroken) fail(bytes, response);
        else passOn(request, response, { host: new URL(lab.url).host });
      });
      const machine = node(`${WITH_DHCP} coatcheck.server=${url}`, { of: first.reboot() });
      const before = machine.tree();
      const booting = boot(machine);
      await booting.saw(new RegExp(`\\[${refusedAs}\\], waiting since`));
      expect(machine.tree()).toEqual(before);
      isBroken = false;
      const { code, stdout } = await booting.done;
      expect(stdout).toContain('applied decision 1');
      expect(code).toBe(0);
    },
  );

  it('has a mirror, whose copy is as good', async () => {
    const { machine, copy } = await approvedThen('');
    const mirror = await mirrorOf(approvedKey(machine.identity.id), copy);
    fs.appendFileSync(
      machine.path('cmdline'),
      ` coatcheck.mirror=${await nowhere()} coatcheck.mirror=${mirror}`,
    );
    const { code, stdout, stderr } = await boot(machine).done;
    expect(stderr).toContain(`taking decision 1 from ${mirror}`);
    expect(stdout).toContain('applied decision 1');
    expect(code).toBe(0);
  });

  it('may be known to nobody, where a mirror is', async () => {
    const first = node(WITH_DHCP);
    await lab.approve(first.identity, await proposes(first));
    const mirror = await mirrorOf(
      approvedKey(first.identity.id),
      await lab.approved(first.identity.id),
    );
    const nobody = first.reboot();
    nobody.write('etc/coatcheck/site.json', formatSite({ ...lab.site, servers: [] }));
    const waiting = boot(node(WITH_DHCP, { of: nobody }));
    await waiting.saw(/names a server \[server_unreachable\], waiting since/);
    await waiting.cut();
    const { code, stdout } = await boot(
      node(`${WITH_DHCP} coatcheck.mirror=${mirror}`, { of: nobody }),
    ).done;
    expect([code, stdout]).toEqual([0, expect.stringContaining('applied decision 1')]);
  });

  it('has mirrors that lie: nothing of them is applied, and nothing is made anew', async () => {
    const other = node('stateless hostname=other ip=dhcp');
    await lab.approve(other.identity, await proposes(other));
    const { machine, copy } = await approvedThen('firstboot');
    const path = approvedKey(machine.identity.id);
    const changed = copy.slice();
    changed[changed.length - 1]! ^= 1;
    const lies = [
      await lab.approved(other.identity.id),
      changed,
      new Uint8Array(),
      copy.subarray(0, 300),
    ];
    const mirrors = await Promise.all(lies.map((bytes) => mirrorOf(path, bytes)));
    const empty = await mirrorOf('nothing', copy);
    fs.appendFileSync(
      machine.path('cmdline'),
      [...mirrors, empty].map((url) => ` coatcheck.mirror=${url}`).join(''),
    );
    const before = machine.tree();
    const booting = boot(machine);
    for (const url of [...mirrors, empty])
      await booting.saw(new RegExp(`the mirror ${url}${path}: .*\\[`));
    await booting.saw(/waiting since/);
    expect(machine.tree()).toEqual(before);
    await booting.cut();
  });

  it('is no reason to apply what nobody approved, where the pinned site does not allow it', async () => {
    const { machine } = await approvedThen('coatcheck.unreachable=reconfigure');
    const booting = boot(machine);
    await booting.saw(/site\.json does not allow what nobody approved/);
    await booting.saw(/\[server_unreachable\], waiting since/);
    await booting.cut();
    expect(machine.tree()['etc/hostname']).toBeUndefined();
  });

  it('lets a machine go on UNAPPROVED if it may, and hears of it', { tags: 'long' }, async () => {
    let isBack = false;
    const { url } = await web((request, response) => {
      if (isBack) passOn(request, response);
      else response.destroy();
    });
    const machine = node(`${WITH_DHCP} coatcheck.unreachable=reconfigure coatcheck.server=${url}`, {
      site: SITE_THAT_ALLOWS,
    });
    const booting = boot(machine);
    await booting.saw(/UNAPPROVED/);
    isBack = true;
    await booting.saw(/what runs here without approval is proposed/);
    const { code, stdout } = await booting.done;
    expect([code, stdout]).toEqual([0, expect.stringContaining('UNAPPROVED')]);
    expect(machine.read('etc/hostname')).toBe('node-7.example.com\n');
    expect((await machine.json('status')).applied).toMatchObject({ seq: 0 });
    const { objects } = await lab.admin.list({ prefix: 'pending', node: machine.identity.id });
    expect(objects).toHaveLength(1);
  });
});
