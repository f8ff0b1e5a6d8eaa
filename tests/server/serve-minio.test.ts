import { afterAll, beforeAll, expect, it } from 'vitest';
import { startServer } from '../../functions/serve/server.ts';
import type { RunningServer } from '../../functions/serve/server.ts';
import { openBucket } from '../../functions/stores/bucket.ts';
import { createClient } from '../../protocol/client.ts';
import { codeOf } from '../../protocol/errors.ts';
import { parseDigest } from '../../protocol/keys.ts';
import { describeWith } from '../support/components.ts';
import { freshBucket } from '../support/minio.ts';
import { makeNode, makeSite } from '../support/site.ts';
import { aWholeLife } from './whole-life.ts';

describeWith('minio', 'a server on a bucket of a real MinIO, with its three credentials', () => {
  const { site, admins } = makeSite();
  const admin = admins[0]!;
  const node = makeNode();
  let server: RunningServer;

  beforeAll(async () => {
    const bucket = await freshBucket();
    const { credentials, endpoint, name } = bucket;
    server = await startServer({
      ...{ site, host: '127.0.0.1', port: 0 },
      store: await openBucket({ bucket: name, region: 'us-east-1', endpoint, credentials }),
    });
  });
  afterAll(async () => {
    await server.close();
  });

  it('takes a proposal, shows it, records the decision, and gives the node what was approved', async () => {
    await aWholeLife({ url: server.url, site, admin, node });
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
