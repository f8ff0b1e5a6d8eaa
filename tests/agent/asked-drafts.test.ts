import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Draft } from '../../agent/boot/snapshot.ts';
import type { Metadata } from '../../bundle/manifest.ts';
import { bootBefore, draftOf, waitingIn } from '../support/boots.ts';
import { startLab } from '../support/lab.ts';
import type { Lab } from '../support/lab.ts';
import { serveHttp } from '../support/http-servers.ts';
import type { TestServer } from '../support/http-servers.ts';

/** What a boot does with the answers of a person, before a real server. */

let lab: Lab;
const rogues: TestServer[] = [];
beforeAll(async () => {
  lab = await startLab();
});
afterAll(async () => {
  await Promise.all([lab, ...rogues].map((server) => server.close()));
});

describe('what somebody answered', () => {
  it('is sent without asking again, once a server that was away is back', async () => {
    let asked = 0;
    const { machine, found, saw } = bootBefore(lab, {
      draft: async () => {
        asked++;
        await lab.stop();
        return draftOf('node1');
      },
    });
    await saw('[server_unreachable]');
    await lab.start();
    await lab.approve(machine.identity, await waitingIn(lab, machine));
    expect(await found).toHaveProperty('decision');
    expect(asked).toBe(1);
  });

  it('is asked for anew where an order came after a refusal', async () => {
    const names = ['first', 'second'];
    const refusals: unknown[] = [];
    const { machine, found, saw } = bootBefore(lab, {
      draft: async () => draftOf(names.shift()!),
      redraft: async (refusal) => void refusals.push(refusal),
    });
    const digest = await waitingIn(lab, machine);
    await lab.decide(machine.identity, 'reject', { digest, reason: 'no' });
    await saw('reason: no');
    await lab.decide(machine.identity, 'reconfigure');
    await lab.approve(machine.identity, await waitingIn(lab, machine));
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
    const { machine, found, saw } = bootBefore(lab, {
      draft: async () => Promise.resolve(drafts.shift()!),
      redraft: async () => Promise.resolve(drafts.shift()!),
    });
    const digest = await waitingIn(lab, machine);
    await lab.decide(machine.identity, 'reject', { digest, reason: 'no' });
    await saw('reason: no');
    await lab.approve(machine.identity, await waitingIn(lab, machine));
    expect(await found).toHaveProperty('decision.frame.statement.seq', 2);
  });

  it('is waited for where nobody answers, until an administrator decides', async () => {
    const asked: AbortSignal[] = [];
    const { machine, found, end } = bootBefore(lab, {
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
        const { machine, found } = bootBefore(lab, { draft, asks }, { servers: [url, lab.url] });
        await lab.approve(machine.identity, await waitingIn(lab, machine));
        expect(await found).toHaveProperty('decision.frame.statement.seq', 1);
      }
    },
  );
});
