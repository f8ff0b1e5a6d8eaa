import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Draft } from '../../agent/boot/snapshot.ts';
import { find } from '../../agent/boot/boot.ts';
import type { BootOptions, Found } from '../../agent/boot/boot.ts';
import { createServers } from '../../agent/boot/servers.ts';
import { createSource } from '../../agent/boot/source.ts';
import { createPatience } from '../../agent/boot/patience.ts';
import { openNode } from '../../agent/boot/node.ts';
import { utf8 } from '../../bundle/bytes.ts';
import type { Metadata } from '../../bundle/manifest.ts';
import { startLab } from '../support/lab.ts';
import type { Lab } from '../support/lab.ts';
import { serveHttp } from '../support/http-servers.ts';
import type { TestServer } from '../support/http-servers.ts';
import { makeMachine } from '../support/machine.ts';
import type { Machine } from '../support/machine.ts';

/** What a boot does with the answers of a person, before a real server. */

let lab: Lab;
const machines: Machine[] = [];
const rogues: TestServer[] = [];
beforeAll(async () => {
  lab = await startLab();
});
afterEach(() => machines.splice(0).forEach((machine) => machine.remove()));
afterAll(async () => {
  await Promise.all([lab, ...rogues].map((server) => server.close()));
});

const draftOf = (hostname: string, metadata: Metadata = {}): Draft => ({
  metadata,
  files: [
    {
      ...{ path: 'etc/hostname', mode: 0o644, owner: 'root', uid: 0, group: 'root', gid: 0 },
      content: utf8(`${hostname}\n`),
    },
  ],
});

/** A boot that looks again after a few milliseconds, and what it says. */
function boots(
  options: Partial<BootOptions>,
  servers?: string[],
): {
  machine: Machine;
  found: Promise<Found>;
  saw: (text: string) => Promise<void>;
  /** Ends its patience. */
  end: () => void;
} {
  const machine = makeMachine({ ...lab.site, ...(servers && { servers }) });
  machines.push(machine);
  let isOver = false;
  const said: string[] = [];
  const console = { note: (line: string) => void said.push(line), result: () => undefined };
  const now = (): number => Math.floor(Date.now() / 1000);
  const site = machine.path('etc/coatcheck/site.json');
  const node = openNode({ root: machine.root, site }, console, now);
  const asked = createServers(node);
  const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));
  const found = find(node, asked, createSource(node, asked), {
    ...{ patience: { ...createPatience({ sleep: pause }), isOver: () => isOver }, asks: true },
    ...options,
  });
  const end = (): void => void (isOver = true);
  const saw = async (text: string): Promise<void> => {
    while (!said.some((line) => line.includes(text))) await pause();
  };
  return { machine, found, saw, end };
}

async function waiting({ identity }: Machine): Promise<string> {
  for (;;) {
    const { objects } = await lab.admin.list({ prefix: 'pending', node: identity.id });
    if (objects.length > 0) return objects[0]!.key.split('/').at(-1)!;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe('what somebody answered', () => {
  it('is sent without asking again, once a server that was away is back', async () => {
    let asked = 0;
    const { machine, found, saw } = boots({
      draft: async () => {
        asked++;
        await lab.stop();
        return draftOf('node1');
      },
    });
    await saw('[server_unreachable]');
    await lab.start();
    await lab.approve(machine.identity, await waiting(machine));
    expect(await found).toHaveProperty('decision');
    expect(asked).toBe(1);
  });

  it('is asked for anew where an order came after a refusal', async () => {
    const names = ['first', 'second'];
    const refusals: unknown[] = [];
    const { machine, found, saw } = boots({
      draft: async () => draftOf(names.shift()!),
      redraft: async (refusal) => void refusals.push(refusal),
    });
    const digest = await waiting(machine);
    await lab.decide(machine.identity, 'reject', { digest, reason: 'no' });
    await saw('reason: no');
    await lab.decide(machine.identity, 'reconfigure');
    await lab.approve(machine.identity, await waiting(machine));
    expect(await found).toHaveProperty('decision.frame.statement.seq', 3);
    expect([refusals.length, names]).toEqual([1, []]);
  });

  it.each<[string, Metadata]>([
    ['host name', { hostname: 'a' }],
    ['time zone', { timezone: 'Europe/Berlin' }],
    ['swap', { swap: 'zram' }],
    ['unit that is enabled', { enable: ['a.service'] }],
    ['unit that is disabled', { disable: ['a.service'] }],
    ['unit that is masked', { mask: ['a.service'] }],
    ['unit that is restarted', { restart: { 'etc/hostname': ['a.service'] } }],
    ['answer', { answers: { ip: 'dhcp' } }],
  ])('is sent after a refusal where it has only another %s', async (_, metadata) => {
    const drafts = [draftOf('node1'), draftOf('node1', metadata)];
    const { machine, found, saw } = boots({
      draft: async () => Promise.resolve(drafts.shift()!),
      redraft: async () => Promise.resolve(drafts.shift()!),
    });
    const digest = await waiting(machine);
    await lab.decide(machine.identity, 'reject', { digest, reason: 'no' });
    await saw('reason: no');
    await lab.approve(machine.identity, await waiting(machine));
    expect(await found).toHaveProperty('decision.frame.statement.seq', 2);
  });

  it('is waited for where nobody answers, until an administrator decides', async () => {
    const asked: AbortSignal[] = [];
    const { machine, found, end } = boots({
      draft: async (_, overtaken) => {
        asked.push(overtaken);
        return await new Promise((resolve) => {
          overtaken.addEventListener('abort', () => resolve(undefined));
        });
      },
    });
    await lab.decide(machine.identity, 'reconfigure');
    await expect.poll(() => asked.length).toBe(2);
    expect(asked[0]!.aborted).toBe(true);
    await lab.decide(machine.identity, 'revoke');
    await expect.poll(() => asked[1]!.aborted).toBe(true);
    end();
    await expect(found).rejects.toMatchObject({ code: 'revoked' });
  });
});

/** One that has nothing, and refuses all else. */
async function rogue(code: string): Promise<TestServer> {
  const server = await serveHttp(({ url, headers }, response) => {
    const now = Math.floor(Date.now() / 1000);
    const at = `http://${headers.host!}/nothing`;
    if (url === '/nothing') response.writeHead(404).end('<Error><Code>NoSuchKey</Code></Error>');
    else if (url!.includes('/config')) {
      response.end(JSON.stringify({ url: at, rejectedUrl: at, expiresAt: now + 900, now }));
    } else {
      const error = { code, message: 'no', details: { digest: 'ab'.repeat(32) } };
      response.writeHead(503).end(JSON.stringify({ error }));
    }
  });
  rogues.push(server);
  return server;
}

describe('a server that somebody else brought into the list', () => {
  it.each(['store_unavailable', 'too_many_pending', 'already_decided', 'rejected', 'stale_keyset'])(
    'takes no boot away from a true one by refusing everything with %s',
    async (code) => {
      const { url } = await rogue(code);
      for (const asks of [true, false]) {
        const draft = async (): Promise<Draft> => Promise.resolve(draftOf('node1'));
        const { machine, found } = boots({ draft, asks }, [url, lab.url]);
        await lab.approve(machine.identity, await waiting(machine));
        expect(await found).toHaveProperty('decision.frame.statement.seq', 1);
      }
    },
  );
});
