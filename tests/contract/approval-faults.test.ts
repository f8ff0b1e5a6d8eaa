// @module-tag long
import { afterAll, beforeAll, expect, it } from 'vitest';
import { codeOf } from '../../protocol/errors.ts';
import { guardStore } from '../../store/guard.ts';
import { describeWith } from '../support/components.ts';
import { QUICK_WIRE_FAULTS, serveFaults } from '../support/fault-proxy.ts';
import type { FaultProxy, ProxiedRequest, WireFault } from '../support/fault-proxy.ts';
import { freshBucket } from '../support/minio.ts';
import { Random } from '../support/random.ts';
import { openWebdav } from '../support/webdav.ts';
import { expectDecidedOnce, WRITES } from './approval/scenarios.ts';
import { holds } from './approval/world.ts';
import type { StoreUnderTest } from './approval/world.ts';
import { withUrls } from './with-urls.ts';

const isWrite = ({ method }: ProxiedRequest): boolean => method === 'PUT' || method === 'DELETE';

/** A store, of which each request of the server's meets what `plan` says. */
type Wired = StoreUnderTest & { readonly proxy: FaultProxy; stop?(): Promise<void> };
type Plan = (request: ProxiedRequest) => WireFault | undefined;

function bearsFaults(open: (plan: Plan) => Promise<Wired>, faults: readonly WireFault[]): void {
  let under: Wired;
  let plan: Plan = () => undefined;
  const calm = (): void => void (plan = () => undefined);

  beforeAll(async () => {
    under = await open((request) => plan(request));
  });
  afterAll(async () => {
    await under.proxy.close();
    await under.stop?.();
  });

  for (const [title, prepare] of WRITES) {
    it.each(faults)(`finds out what became of any write of ${title} (%s)`, async (fault) => {
      for (let n = 1, writes = n; writes >= n; n++) {
        const { world, request } = await prepare(under);
        writes = 0;
        plan = (sent) => (isWrite(sent) && ++writes === n ? fault : undefined);
        expect(await world.decide(request)).toMatchObject({ published: true });
        calm();
        await under.proxy.settle();
        await world.repair();
        await expectDecidedOnce(world, request);
      }
    });
  }

  it.each(faults)('calls nothing refused that it cannot find out (%s)', async (fault) => {
    const [, prepare] = WRITES[1]!;
    for (let n = 1, requests = n; requests >= n; n++) {
      const { world, request } = await prepare(under);
      requests = 0;
      plan = () => (++requests >= n ? fault : undefined);
      const [told] = await Promise.allSettled([world.decide(request)]);
      calm();
      const committed = holds(await world.history(), request);
      if (told.status === 'fulfilled') expect(committed).toBe(true);
      else if (codeOf(told.reason) !== 'store_unknown') {
        expect(codeOf(told.reason)).toBe('store_unavailable');
        expect(committed).toBe(false);
      }
      await under.proxy.settle();
      await world.repair();
      expect((await world.decide(request)).published).toBe(true);
      await expectDecidedOnce(world, request);
    }
  });
}

describeWith('minio', 'approval on a MinIO behind a bad wire', () => {
  bearsFaults(async (plan) => {
    const { endpoint, store, signer } = await freshBucket();
    const proxy = await serveFaults(endpoint, plan, new Random(1));
    return {
      ...{ proxy, bucket: store('root'), store: store('admin', { endpoint: proxy.url }) },
      uploads: { signer: signer('upload'), fetch },
    };
  }, QUICK_WIRE_FAULTS);
});

// Each fault at each request of the store itself is in webdav-faults.test.ts.
describeWith('apache', 'approval on an Apache behind a bad wire', () => {
  bearsFaults(
    async (plan) => {
      const { direct, behind, stop } = await openWebdav();
      const { proxy, store } = await behind(plan);
      const { bucket, uploads } = withUrls(direct);
      return { proxy, stop, bucket, store: guardStore(store, 'admin'), uploads };
    },
    ['reset after', 'late'],
  );
});
