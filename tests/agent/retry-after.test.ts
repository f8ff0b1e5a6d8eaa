import { request } from 'node:http';
import { expect, it, onTestFinished } from 'vitest';
import { fromHex } from '../../bundle/bytes.ts';
import { startServer } from '../../functions/serve/server.ts';
import { openBucket } from '../../functions/stores/bucket.ts';
import { listAll } from '../../store/port.ts';
import { encodeSignedStatement } from '../../bundle/statement.ts';
import { createClient } from '../../protocol/client.ts';
import { parseKey } from '../../protocol/keys.ts';
import { bootBefore, draftOf } from '../support/boots.ts';
import { describeWith } from '../support/components.ts';
import { serveHttp } from '../support/http-servers.ts';
import type { Lab } from '../support/lab.ts';
import { freshBucket } from '../support/minio.ts';
import { makeSite, makeStatement, NOTHING, sign } from '../support/site.ts';

const RETRY_AFTER_SECONDS = 1;

describeWith('minio', 'a store that asks to be left alone', () => {
  it('is, through a whole boot and by whichever server its URLs come', async () => {
    const { site, admins } = makeSite();
    const { keyset } = site.pinned;
    const bucket = await freshBucket();
    const { name, credentials, endpoint } = bucket;
    /** The methods of which the first was refused. */
    const refused = new Set<string>();
    const early: string[] = [];
    let until = 0;
    const proxy = await serveHttp((incoming, outgoing) => {
      const { method = '', headers, url } = incoming;
      if (performance.now() < until) early.push(method);
      // The first of each kind.
      if (!refused.has(method)) {
        refused.add(method);
        until = performance.now() + RETRY_AFTER_SECONDS * 1000;
        incoming.resume();
        outgoing.writeHead(503, { 'retry-after': String(RETRY_AFTER_SECONDS) }).end();
        return;
      }
      const forwarded = request(new URL(url!, endpoint), { method, headers }, (answer) => {
        outgoing.writeHead(answer.statusCode!, answer.headers);
        answer.pipe(outgoing);
      });
      incoming.pipe(forwarded);
    });
    const store = await openBucket({
      ...{ bucket: name, region: 'us-east-1', endpoint, publicEndpoint: proxy.url, credentials },
    });
    const servers = await Promise.all(
      [1, 2].map(async () => startServer({ site, store, host: '127.0.0.1', port: 0 })),
    );
    onTestFinished(async () => {
      await Promise.all([...servers, proxy].map((each) => each.close()));
    });
    const urls = servers.map(({ url }) => url);

    const draft = async () => Promise.resolve(draftOf('node1'));
    const lab = { site: { ...site, servers: urls } } as unknown as Lab;
    const { machine, found, saw } = bootBefore(lab, { draft, asks: false });
    await saw('to approve');
    const { store: all } = store.access({ baseUrl: '' }).admin;
    const digests: string[] = [];
    for await (const { key } of listAll(all, `pending/${machine.identity.id}/`)) {
      const parsed = parseKey(key);
      if (parsed?.prefix === 'pending') digests.push(parsed.digest);
    }
    expect(digests).toHaveLength(1);
    const digest = fromHex(digests[0]!);
    const statement = makeStatement(keyset, machine.identity.id, 'approve', NOTHING, { digest });
    const signed = sign(statement, keyset, admins[0]!);
    const { identity } = admins[0]!;
    const admin = createClient({ server: urls[0]!, site: site.id, identity });
    const { id, boxKey } = machine.identity;
    await admin.decide(id, encodeSignedStatement(signed), { pending: true }, boxKey);
    expect(await found).toHaveProperty('decision.frame.statement.seq', 1);
    expect([...refused].sort()).toEqual(['GET', 'PUT']);
    expect(early).toEqual([]);
  });
});
