// @module-tag long
import { afterAll, beforeAll, expect, it } from 'vitest';
import { codeOf } from '../../protocol/errors.ts';
import { describeWith } from '../support/components.ts';
import { QUICK_WIRE_FAULTS, serveFaults } from '../support/fault-proxy.ts';
import type { FaultProxy, ProxiedRequest, WireFault } from '../support/fault-proxy.ts';
import { freshBucket } from '../support/minio.ts';
import { Random } from '../support/random.ts';
import { expectDecidedOnce, WRITES } from './approval/scenarios.ts';
import { holds } from './approval/world.ts';
import type { StoreUnderTest } from './approval/world.ts';

const isWrite = ({ method }: ProxiedRequest): boolean => method === 'PUT' || method === 'DELETE';

describeWith('minio', 'approval on a MinIO behind a bad wire', () => {
  let under: StoreUnderTest;
  let proxy: FaultProxy;
  let plan: (request: ProxiedRequest) => WireFault | undefined = () => undefined;
  const calm = (): void => void (plan = () => undefined);

  beforeAll(async () => {
    const { endpoint, store, signer } = await freshBucket();
    proxy = await serveFaults(endpoint, (request) => plan(request), new Random(1));
    under = {
      bucket: store('root'),
      store: store('admin', { endpoint: proxy.url }),
      uploads: { signer: signer('upload'), fetch },
    };
  });
  afterAll(() => proxy.close());

  for (const [title, prepare] of WRITES) {
    it.each(QUICK_WIRE_FAULTS)(
      `finds out what became of any write of ${title} (%s)`,
      async (fault) => {
        for (let n = 1, writes = n; writes >= n; n++) {
          const { world, request } = await prepare(under);
          writes = 0;
          plan = (sent) => (isWrite(sent) && ++writes === n ? fault : undefined);
          expect(await world.decide(request)).toMatchObject({ published: true });
          calm();
          await proxy.settle();
          await world.repair();
          await expectDecidedOnce(world, request);
        }
      },
    );
  }

  it.each(QUICK_WIRE_FAULTS)(
    'calls nothing refused that it cannot find out (%s)',
    async (fault) => {
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
        await proxy.settle();
        await world.repair();
        expect((await world.decide(request)).published).toBe(true);
        await expectDecidedOnce(world, request);
      }
    },
  );
});
