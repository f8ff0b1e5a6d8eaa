import { afterAll, beforeAll, expect, it } from 'vitest';
import { toHex } from '../../bundle/bytes.ts';
import { encodeFrame } from '../../bundle/frame.ts';
import type { Identity } from '../../bundle/identity.ts';
import { encodeSignedStatement } from '../../bundle/statement.ts';
import { startServer } from '../../functions/serve/server.ts';
import type { RunningServer } from '../../functions/serve/server.ts';
import { openBucket } from '../../functions/stores/bucket.ts';
import { createClient } from '../../protocol/client.ts';
import type { Client } from '../../protocol/client.ts';
import { codeOf } from '../../protocol/errors.ts';
import { parseDigest } from '../../protocol/keys.ts';
import { verifyForNode } from '../../protocol/verify.ts';
import { describeWith } from '../support/components.ts';
import { freshBucket } from '../support/minio.ts';
import { makeNode, makeSite, makeStatement, NOTHING, propose, sign } from '../support/site.ts';

describeWith('minio', 'a server on a bucket of a real MinIO, with its three credentials', () => {
  const { site, admins } = makeSite();
  const [ada] = admins;
  const node = makeNode();
  const { keyset } = site.pinned;
  let server: RunningServer;
  let ofNode: Client;
  let ofAdmin: Client;

  beforeAll(async () => {
    const bucket = await freshBucket();
    const { credentials, endpoint, name } = bucket;
    server = await startServer({
      ...{ site, host: '127.0.0.1', port: 0 },
      store: await openBucket({ bucket: name, region: 'us-east-1', endpoint, credentials }),
    });
    const clientOf = (identity: Identity): Client =>
      createClient({ server: server.url, site: site.id, identity });
    ofNode = clientOf(node);
    ofAdmin = clientOf(ada!.identity);
  });
  afterAll(async () => {
    await server.close();
  });

  it('takes a proposal, shows it, records the decision, and gives the node what was approved', async () => {
    const { url } = await ofNode.config(node.id);
    expect(await ofNode.get(url, 1e6)).toEqual({ found: false });

    const { bytes, digest } = propose({ keyset, node });
    const asked = { digest: parseDigest(toHex(digest)), size: bytes.length };
    const { key, put } = await ofNode.propose(node.id, asked);
    await ofNode.put(put, bytes);
    expect(await ofNode.put(put, bytes).catch(codeOf)).toBe('already_exists');
    expect(await ofNode.propose(node.id, asked).catch(codeOf)).toBe('waiting');

    const { objects } = await ofAdmin.list({ prefix: 'pending' });
    expect(objects.map((object) => object.key)).toEqual([key]);
    const { urls } = await ofAdmin.read([key]);
    expect(await ofAdmin.get(urls[0]!.url, 1e6)).toEqual({ found: true, body: bytes });

    const statement = makeStatement(keyset, node.id, 'approve', NOTHING, { digest });
    const signed = sign(statement, keyset, ada!);
    const encoded = encodeSignedStatement(signed);
    const decided = { slot: 1, published: true };
    expect(await ofAdmin.decide(node.id, encoded, { pending: true }, node.boxKey)).toMatchObject({
      ...decided,
      outcome: 'decided',
    });
    expect(await ofAdmin.decide(node.id, encoded, { pending: true }, node.boxKey)).toMatchObject({
      ...decided,
      outcome: 'already',
    });
    expect(await ofAdmin.list({ prefix: 'pending' })).toEqual({ objects: [] });

    const answer = await ofNode.get(url, 1e6);
    if (!answer.found) throw new Error('nothing is approved');
    const frame = verifyForNode(answer.body, { site, node: node.id, where: 'approved' });
    expect(frame.bundle?.bytes).toEqual(bytes);

    // A report, and the next one over it.
    const proof = encodeFrame({ chain: frame.chain, statement: signed });
    for (const text of ['first', 'second']) {
      const report = new TextEncoder().encode(text);
      const hash = await crypto.subtle.digest('SHA-256', report);
      const reportDigest = parseDigest(toHex(new Uint8Array(hash)));
      const granted = await ofNode.report(node.id, {
        ...{ digest: reportDigest, size: report.length, proof },
      });
      await ofNode.put(granted.put, report, { overwrite: true });
      const [found] = (await ofAdmin.read([granted.key])).urls;
      expect(await ofAdmin.get(found!.url, 4096)).toEqual({ found: true, body: report });
    }
  });

  it('never takes a missing bucket for a node without configuration', async () => {
    const { credentials, endpoint, name } = await freshBucket();
    const lost = await startServer({
      ...{ site, host: '127.0.0.1', port: 0 },
      store: await openBucket({
        ...{ bucket: `${name}-gone`, region: 'us-east-1', endpoint, credentials },
      }),
    });
    const client = createClient({ server: lost.url, site: site.id, identity: node });
    const { url } = await client.config(node.id);
    expect(['no_such_bucket', 'store_denied']).toContain(await client.get(url, 1e6).catch(codeOf));
    const asked = { digest: parseDigest('ab'.repeat(32)), size: 900 };
    expect(['no_such_bucket', 'store_denied']).toContain(
      await client.propose(node.id, asked).catch(codeOf),
    );
    await lost.close();
  });
});
