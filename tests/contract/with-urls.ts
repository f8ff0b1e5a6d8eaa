import { utf8 } from '../../bundle/bytes.ts';
import { guardStore } from '../../store/guard.ts';
import { createLocalHandler, createLocalSigner } from '../../store/local-urls.ts';
import type { ObjectStore } from '../../store/port.ts';
import type { StoreUnderTest } from './approval-contract.ts';

/** A store without credentials, as the three of them see it, and with URLs. */
export function withUrls(bucket: ObjectStore): StoreUnderTest {
  const [download, upload, admin] = ['download', 'upload', 'admin'].map((name) =>
    utf8(`the ${name} secret of a contract test`),
  ) as [Uint8Array, Uint8Array, Uint8Array];
  const handle = createLocalHandler({ store: bucket, secrets: { download, upload, admin } });
  const baseUrl = 'http://store.example';
  return {
    ...{ bucket, store: guardStore(bucket, 'admin') },
    uploads: {
      signer: createLocalSigner({ baseUrl, credential: 'upload', secret: upload }),
      fetch: async (url, init) => {
        const headers = new Headers(init?.headers);
        headers.set('content-length', String((init?.body as Uint8Array).length));
        return handle(new Request(url, { ...init, headers }));
      },
    },
  };
}
