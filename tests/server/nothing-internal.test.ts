import { describe, expect, it } from 'vitest';
import { utf8 } from '../../bundle/bytes.ts';
import type { RequestLog } from '../../functions/app.ts';
import { ERRORS, fail } from '../../protocol/errors.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import { approvedKey, pendingKey } from '../../protocol/keys.ts';
import { CREDENTIALS } from '../../protocol/permissions.ts';
import { createLocalHandler, createLocalSigner } from '../../store/local-urls.ts';
import type { ObjectStore, UrlSigner } from '../../store/port.ts';
import { hex, makeApp, makeWorld, NOW, ORIGIN, routesOf, sendSigned } from './http-world.ts';

const world = await makeWorld();
const { site } = world;

/** What no stranger may read, and what would break a line of the log. */
const SECRET = '/srv/secret-marker';
const said = `EACCES: permission denied, open '${SECRET}'\n\u001b[2J`;

/** Errors as they come out of a port: the system's, somebody's library's, a store's own. */
const system = (): Error => Object.assign(new Error(said), { code: 'EACCES', path: SECRET });
const ERRORS_OF_PORTS: [string, () => unknown][] = [
  ['of the system', system],
  ['of a library', () => new TypeError(said, { cause: system() })],
  ['that is no error', () => said],
  ...Object.keys(ERRORS)
    .filter(
      (code) =>
        ERRORS[code as ErrorCode].status >= 500 || /^(already_exists|precondition)/.test(code),
    )
    .map((code): [string, () => unknown] => [
      code,
      () => fail(code as ErrorCode, said, { cause: system(), details: { path: SECRET } }),
    ]),
];

function failing(error: unknown): { store: ObjectStore; signer: UrlSigner } {
  // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- a port may throw anything
  const broken = (): Promise<never> => Promise.reject(error);
  return {
    store: {
      create: broken,
      replace: broken,
      get: broken,
      head: broken,
      delete: broken,
      list: broken,
    },
    signer: { signPut: broken, signGet: broken },
  };
}

async function wholeOf(response: Response): Promise<string> {
  return JSON.stringify([...response.headers]) + (await response.text());
}

describe.each(routesOf(world.app))('$route.method $route.path', ({ name }) => {
  it.each(ERRORS_OF_PORTS)('tells a client nothing of an error %s', async (_, make) => {
    const error = make();
    const { store, signer } = failing(error);
    const log: RequestLog[] = [];
    for (const ports of [{ store, signer }, { store }, { signer }]) {
      const app = makeApp(world, ports.store ?? world.store, {
        ...(ports.signer && { signer: ports.signer }),
        log: (entry) => log.push(entry),
      });
      const answer = await sendSigned(app, world.drafts[name], { site: site.id });
      const text = await wholeOf(answer);
      expect(text).not.toContain('secret-marker');
      expect(text).not.toContain('EACCES');
      if (answer.status < 500) continue;
      const { reason = '' } = log.at(-1)!;
      expect(reason).toContain(SECRET);

      expect(reason).not.toMatch(/[\u0000-\u001f]/);
    }
  });
});

describe('the URLs of a folder', () => {
  it.each(ERRORS_OF_PORTS)('tell a client nothing of an error %s', async (_, make) => {
    const secrets = Object.fromEntries(
      CREDENTIALS.map((name) => [name, utf8(`${name} secret of a test, 32 bytes or more`)]),
    ) as Record<(typeof CREDENTIALS)[number], Uint8Array>;
    const heard: unknown[] = [];
    const error = make();
    const { store } = failing(error);
    const now = (): number => NOW;
    const failed = (reason: unknown): void => void heard.push(reason);
    const handle = createLocalHandler({ store, secrets, now, failed });
    const signer = (credential: 'download' | 'upload') =>
      createLocalSigner({ baseUrl: ORIGIN, credential, secret: secrets[credential], now });
    const { url } = await signer('download').signGet(approvedKey(world.known.id), {
      expiresInSeconds: 60,
    });
    const body = new TextEncoder().encode('x');
    const sha256 = new Uint8Array(await crypto.subtle.digest('SHA-256', body));
    const put = await signer('upload').signPut(pendingKey(world.known.id, hex(sha256)), {
      ...{ size: 1, sha256, expiresInSeconds: 60 },
    });
    const answers = [
      await handle(new Request(url)),
      await handle(new Request(put.url, { method: 'PUT', headers: put.headers, body })),
    ];
    for (const answer of answers) {
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(await wholeOf(answer)).not.toContain('secret-marker');
    }
    expect(heard).toEqual([error, error]);
  });
});

describe('an answer', () => {
  it('says nothing of what the server is made of', async () => {
    for (const path of ['/v1/health', '/v1/site', '/', '/v1/%', '/objects/x']) {
      const { headers } = await world.app.request(`${ORIGIN}${path}`);
      for (const header of ['server', 'x-powered-by', 'via'])
        expect(headers.get(header)).toBeNull();
    }
  });
});
