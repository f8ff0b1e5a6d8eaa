import { afterEach, describe, expect, it } from 'vitest';
import { codeOf, fail } from '../../protocol/errors.ts';
import { leavingAlone } from '../../protocol/leave-alone.ts';
import { serveHttp } from '../../tests/support/http-servers.ts';
import type { TestServer } from '../../tests/support/http-servers.ts';
import { makeNode, makeSite } from '../../tests/support/site.ts';
import type { Node } from './node.ts';
import { createServers, foundServers, tryAgain } from './servers.ts';

const NOW = 1_790_000_000;
const { site } = makeSite();
const node = { site, identity: makeNode(), now: () => NOW } as unknown as Node;
const HEALTH = { ok: true, version: '1', now: NOW };

const running: TestServer[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.close()));
});

/** Servers a, b, ... that answer so; whom an `ask` reached is in `asked`. */
async function lab(answers: readonly (object | undefined)[]) {
  const asked: string[] = [];
  const origins: string[] = [];
  for (const [i, answer] of answers.entries()) {
    const server = await serveHttp((_, response) => {
      asked.push('abcdef'[i]!);
      if (answer === undefined) response.destroy();
      else response.writeHead(answer === HEALTH ? 200 : 500).end(JSON.stringify(answer));
    });
    running.push(server);
    origins.push(server.url);
  }
  const servers = createServers(node, origins);
  return { servers, asked, health: () => servers.ask((client) => client.health()) };
}
const refusal = (code: string): object => ({ error: { code, message: 'x', details: {} } });

describe('the servers of a site', () => {
  it('are tried in their order; one that answered is asked first, and those before it no more', async () => {
    const { health, asked } = await lab([undefined, { hello: 1 }, HEALTH, HEALTH]);
    await health();
    await health();
    expect(asked.join('')).toBe('abcc');
  });

  it.each(['wrong_site', 'no_such_route', 'internal'])(
    'are passed over where they answer %s: that is none of this site, or a broken one',
    async (code) => {
      const { health, asked } = await lab([refusal(code), HEALTH]);
      await health();
      expect(asked.join('')).toBe('ab');
    },
  );

  it.each(['bad_request', 'not_this_node', 'token_refused', 'bad_magic', 'file_malformed'])(
    'are passed over where they refuse with %s: another may be a true one',
    async (code) => {
      const { health, asked } = await lab([refusal(code), HEALTH]);
      await health();
      expect(asked.join('')).toBe('ab');
    },
  );

  it('refuse for good only if every one of them does', async () => {
    const all = await lab([refusal('bad_request'), refusal('token_refused')]);
    expect(await all.health().catch(codeOf)).toBe('token_refused');
    expect(all.asked.join('')).toBe('ab');
    const away = await lab([undefined, refusal('token_refused')]);
    expect(await away.health().catch(codeOf)).toBe('server_unreachable');
  });

  it.each(['waiting', 'rejected', 'already_decided', 'store_unknown', 'already_exists'])(
    'are not passed over where they answer %s: that is what became of the request',
    async (code) => {
      const { health, asked } = await lab([refusal(code), HEALTH]);
      expect(await health().catch(codeOf)).toBe(code);
      expect(asked.join('')).toBe('a');
    },
  );

  it('are all tried before it is said that none answers', async () => {
    const { health, asked } = await lab([undefined, undefined]);
    expect(await health().catch(codeOf)).toBe('server_unreachable');
    expect(asked.join('')).toBe('ab');
  });

  it('take turns where what they give is no good', async () => {
    const { servers, health, asked } = await lab([HEALTH, HEALTH, HEALTH]);
    for (let turn = 0; turn < 4; turn++) {
      await health();
      servers.passOver();
    }
    expect(asked.join('')).toBe('abca');
  });

  it('are passed over once for each answer, whoever judges it', async () => {
    const { servers, health, asked } = await lab([refusal('store_unavailable'), HEALTH]);
    const error: unknown = await health().catch((thrown: unknown) => thrown);
    expect(tryAgain(servers, error)).toBe(error);
    servers.passOver();
    await health();
    expect(asked.join('')).toBe('ab');
  });

  it('are asked again about nothing that they refused for good', async () => {
    const { servers } = await lab([HEALTH]);
    for (const error of [fail('too_large', 'x'), new TypeError('a bug')]) {
      expect(() => tryAgain(servers, error)).toThrow(error);
    }
  });

  it('must be named', () => {
    expect(() => createServers(node, [])).toThrow(fail('usage', 'no server is known').message);
  });
});

describe('servers that are looked for', () => {
  it('are looked for again while none can be reached, and no more once one answered', async () => {
    const { servers: away } = await lab([undefined]);
    const { servers: here, asked } = await lab([HEALTH, HEALTH]);
    const looks = [away, here];
    let looked = 0;
    const found = foundServers(
      () => Promise.resolve(looks[looked++]!),
      (error) => fail('network_down', `the network: ${error.message}`),
    );
    const health = () => found.ask((client) => client.health());
    expect(await health().catch(String)).toContain('the network: ');
    expect([looked, found.hasAnswered()]).toEqual([1, false]);
    await health();
    await health();
    expect([looked, asked.join(''), found.hasAnswered()]).toEqual([2, 'aa', true]);
  });

  it('are left alone for as long as one asked, although it is found anew', async () => {
    const asked: string[] = [];
    const server = await serveHttp((_, response) => {
      asked.push('a');
      response.writeHead(503, { 'retry-after': '60' }).end();
    });
    running.push(server);
    const left = leavingAlone(false);
    const found = foundServers(() =>
      Promise.resolve(createServers(node, [server.url], undefined, left)),
    );
    for (let i = 0; i < 3; i++) {
      expect(await found.ask((client) => client.health()).catch(codeOf)).toBe('server_unreachable');
    }
    expect(asked).toEqual(['a']);
  });
});
