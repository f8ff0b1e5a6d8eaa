import type { ObjectStore } from '../../store/port.ts';
import { createWebdavClient } from '../../store/webdav-client.ts';
import { createWebdavStore, makeWebdavStore } from '../../store/webdav.ts';
import { startApache } from './apache.ts';
import { serveFaults } from './fault-proxy.ts';
import type { FaultProxy, ProxiedRequest, WireFault } from './fault-proxy.ts';
import { Random } from './random.ts';

/** A store in a collection of an Apache of its own. */
export interface WebdavUnderTest {
  readonly direct: ObjectStore;
  /** The same store behind a proxy of which each request meets what `plan` says. */
  readonly behind: (
    plan: (request: ProxiedRequest) => WireFault | undefined,
  ) => Promise<{ readonly store: ObjectStore; readonly proxy: FaultProxy }>;
  readonly stop: () => Promise<void>;
}

/** @param files where the collections are on the disk; in a temporary folder unless given */
export async function openWebdav(files?: string): Promise<WebdavUnderTest> {
  const apache = await startApache(files === undefined ? {} : { files });
  const { url, user = '', password = '', ca, certificate, key } = apache.collection();
  const options = {
    url,
    user,
    password,
    ...(ca && { ca }),
    ...(key && { key, certificate: certificate! }),
  };
  const client = createWebdavClient(options);
  await makeWebdavStore(client);
  return {
    direct: createWebdavStore(client),
    async behind(plan) {
      const proxy = await serveFaults(url, plan, new Random(1), { ca, cert: certificate, key });
      const here = url.replace(/^https:\/\/[^/]*/, proxy.url);
      const store = createWebdavStore(createWebdavClient({ url: here, user, password }));
      return { proxy, store };
    },
    stop: () => apache.stop(),
  };
}
