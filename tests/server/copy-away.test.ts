import * as fs from 'node:fs';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { COPY_MARKER, markerBytes } from '../../functions/copy/marker.ts';
import { toHex } from '../../bundle/bytes.ts';
import { formatSite } from '../../protocol/site.ts';
import { startServe } from '../support/cli.ts';
import { describeWith } from '../support/components.ts';
import { freshBucket } from '../support/minio.ts';
import { until } from '../support/network.ts';
import { makeSite } from '../support/site.ts';
import { withTemporaryFolder } from '../support/temporary-folder.ts';

/** What leads to a MinIO once somebody lets it. */
async function gate(endpoint: string): Promise<{ url: string; open: () => void }> {
  let isOpen = false;
  const { hostname, port } = new URL(endpoint);
  const server = createServer((near) => {
    near.on('error', () => undefined);
    if (!isOpen) return near.destroy();
    const far = connect(Number(port), hostname);
    near.on('error', () => far.destroy()).pipe(far);
    far.on('error', () => near.destroy()).pipe(near);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => void server.close());
  const { port: own } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${own}`, open: () => (isOpen = true) };
}

describeWith('minio', 'a server whose store is away at its start', () => {
  let home: string;
  withTemporaryFolder('away', (made) => (home = made));

  it.each([
    ['an unverified copy', true],
    ['no copy', false],
  ])('serves it once it answers, unless it turns out to be one: %s', async (_, isCopy) => {
    const { site } = makeSite();
    fs.writeFileSync(join(home, 'site.json'), formatSite(site));
    const bucket = await freshBucket();
    const marker = markerBytes({ coatcheck: 'store-copy/1', site: toHex(site.id) });
    if (isCopy) await bucket.store('root').create(COPY_MARKER, marker);
    const store = await gate(bucket.endpoint);
    const credentials = join(home, 's3.json');
    fs.writeFileSync(credentials, JSON.stringify(bucket.credentials), { mode: 0o600 });
    const place = ['--store', `s3://${bucket.name}`, '--endpoint', store.url];
    const server = await startServe([
      ...['--home', home, 'serve', ...place, '--credentials', credentials],
    ]);
    onTestFinished(async () => {
      await server.stop();
    });
    const ready = async (): Promise<number> => (await fetch(`${server.url}/v1/ready`)).status;
    expect(await ready()).toBe(503);
    store.open();
    if (isCopy) {
      await until(() => server.said.stderr.includes('nothing is served any more'));
      expect(server.said.stderr).toContain('store verify');
      for (const route of ['ready', 'site', 'health']) {
        const answer = await fetch(`${server.url}/v1/${route}`);
        expect([route, answer.status]).toEqual([route, 503]);
      }
    } else await until(async () => (await ready()) === 200);
  });
});
