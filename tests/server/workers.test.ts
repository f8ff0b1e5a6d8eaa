import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { fromHex, toHex } from '../../bundle/bytes.ts';
import type { Identity } from '../../bundle/identity.ts';
import { encodeSignedStatement } from '../../bundle/statement.ts';
import { createClient } from '../../protocol/client.ts';
import type { Client } from '../../protocol/client.ts';
import { createFetch } from '../../net/fetch.ts';
import { codeOf } from '../../protocol/errors.ts';
import { parseKey, pendingKey, parseDigest } from '../../protocol/keys.ts';
import { startWorkers } from '../support/cloudflare/workers.ts';
import type { RunningWorkers } from '../support/cloudflare/workers.ts';
import { describeWith } from '../support/components.ts';
import { makeMachine } from '../support/machine.ts';
import { makeAdmin, makeNode, makeSite, makeStatement, NOTHING } from '../support/site.ts';
import { propose, sign } from '../support/site.ts';
import { send } from '../support/raw-http.ts';
import type { TestAdmin } from '../support/site.ts';
import { aWholeLife } from './whole-life.ts';

const TOKEN = 'q7Zr0-Yk2m_vB81sXh';

describeWith('wrangler', 'the Workers of infra/workers/ in the runtime of Cloudflare', () => {
  const { site, admins } = makeSite({ admins: [makeAdmin('ada'), makeAdmin('bob')] });
  const [ada, bob] = admins as [TestAdmin, TestAdmin];
  const { keyset } = site.pinned;
  let workers: RunningWorkers;
  beforeAll(async () => {
    workers = await startWorkers(site);
  });
  afterAll(() => workers.close());

  const clientOf = (identity: Identity): Client =>
    createClient({ server: workers.url, site: site.id, identity, fetch: createFetch() });
  const ask = async (path: string, method = 'GET'): Promise<[number, unknown]> => {
    const { status, body } = await send(`${workers.url}${path}`, { method });
    return [status, JSON.parse(body.toString())];
  };

  it('take a proposal, show it, record the decision, and give the node what was approved', () =>
    aWholeLife({ url: workers.url, site, admin: ada, node: makeNode('of Workers') }));

  it('boot a machine that proposed itself', async () => {
    const machine = makeMachine({ ...site, servers: [workers.url] });
    onTestFinished(() => machine.remove());
    machine.write('etc/hostname', 'web1\n');
    expect((await machine.run('propose')).code).toBe(0);

    const ofAdmin = clientOf(ada.identity);
    const { id, boxKey } = machine.identity;
    const { objects } = await ofAdmin.list({ prefix: 'pending', node: id });
    const { digest } = parseKey(objects[0]!.key) as { digest: string };
    const statement = makeStatement(keyset, id, 'approve', NOTHING, { digest: fromHex(digest) });
    const encoded = encodeSignedStatement(sign(statement, keyset, ada));
    await ofAdmin.decide(id, encoded, { pending: true }, boxKey);

    const rebooted = machine.reboot();
    onTestFinished(() => rebooted.remove());
    expect((await rebooted.run('boot', '--once')).code).toBe(0);
    expect(rebooted.read('etc/hostname')).toBe('web1\n');
  });

  it('decide once about each of many, where two ask about all of them at the same time', async () => {
    const nodes = Array.from({ length: 12 }, (_, i) => makeNode(`of a race ${i}`));
    const wins = await Promise.all(
      nodes.map(async (node) => {
        const { bytes, digest } = propose({ keyset, node });
        await workers.store.create(pendingKey(node.id, parseDigest(toHex(digest))), bytes);
        const tries = [ada, bob].map((admin) => {
          const statement = makeStatement(keyset, node.id, 'approve', NOTHING, { digest });
          const encoded = encodeSignedStatement(sign(statement, keyset, admin));
          return clientOf(admin.identity)
            .decide(node.id, encoded, { pending: true }, node.boxKey)
            .then(({ outcome }) => outcome, codeOf);
        });
        return Promise.all(tries);
      }),
    );
    for (const won of wins) expect(won.filter((one) => one === 'decided')).toHaveLength(1);
  });

  it('have the routes of docs/http-api.md, and the listing on none of them', async () => {
    expect(await ask('/v1/health')).toMatchObject([200, { ok: true }]);
    expect(await ask('/v1/site')).toMatchObject([200, {}]);
    for (const path of ['/', '/?prefix=pending/', '/v1/admin/nothing']) {
      expect(await ask(path)).toMatchObject([404, { error: { code: 'no_such_route' } }]);
    }
    expect(await ask('/v1/admin/list', 'PUT')).toMatchObject([405, {}]);
    expect(await ask('/v1/admin/list')).toMatchObject([401, {}]);
  });

  it('log a line of JSON for each request, and no URL that lets in', () => {
    const lines = workers.said().trim().split('\n');
    expect(lines.length).toBeGreaterThan(10);
    for (const line of lines) expect(JSON.parse(line)).toHaveProperty('route');
    expect(workers.said()).not.toMatch(/X-Amz|token-of|the-secret-of/);
  });
});

describeWith('wrangler', 'Workers that are set up otherwise', () => {
  const { site } = makeSite();
  const node = makeNode('of other Workers');
  async function started(more: Readonly<Record<string, string>>): Promise<RunningWorkers> {
    const workers = await startWorkers(site, more);
    onTestFinished(() => workers.close());
    return workers;
  }

  it('ask strangers for the token, and refuse what is signed for another name', async () => {
    const publicUrl = 'https://coatcheck.example';
    const workers = await started({ COATCHECK_TOKEN: TOKEN, COATCHECK_PUBLIC_URLS: publicUrl });
    const asked = { digest: parseDigest('ab'.repeat(32)), size: 900 };
    const ownFetch = createFetch();
    const client = (server: string): Client =>
      createClient({
        ...{ server, site: site.id, identity: node },
        fetch: (url, init) => ownFetch(url.replace(publicUrl, workers.url), init),
      });
    const named = client(publicUrl);
    expect(await named.propose(node.id, asked).catch(codeOf)).toBe('token_refused');
    const { key } = await named.propose(node.id, { ...asked, token: TOKEN });
    expect(key).toBe(pendingKey(node.id, asked.digest));
    expect(await client(workers.url).config(node.id).catch(codeOf)).toBe('signature_invalid');
  });

  it('answer 500, and say in the log what is missing', async () => {
    const workers = await started({ COATCHECK_R2_SECRET: '' });
    const { status, body } = await send(`${workers.url}/v1/health`, { method: 'GET' });
    expect([status, JSON.parse(body.toString())]).toMatchObject([500, { error: {} }]);
    expect(body.toString()).not.toContain('R2');
    await expect.poll(() => workers.said()).toContain('COATCHECK_R2_SECRET is not set');
  });
});
