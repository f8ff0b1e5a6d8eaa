import { afterAll, beforeAll, describe } from 'vitest';
import { createWebdavClient } from '../../store/webdav-client.ts';
import { createWebdavStore, makeWebdavStore } from '../../store/webdav.ts';
import { startApache } from '../support/apache.ts';
import type { Apache } from '../support/apache.ts';
import { describeWith } from '../support/components.ts';
import { approvalContract } from './approval-contract.ts';
import { storeContract } from './store-contract.ts';
import { withUrls } from './with-urls.ts';

describeWith('apache', 'on a real Apache', () => {
  let apache: Apache;
  beforeAll(async () => {
    apache = await startApache();
  });
  afterAll(async () => {
    await (apache as Apache | undefined)?.stop();
  });

  storeContract(
    'WebDAV, with its one writer',
    async () => {
      const client = createWebdavClient(apache.collection());
      await makeWebdavStore(client);
      const store = createWebdavStore(client);
      const withoutBucket = createWebdavStore(createWebdavClient(apache.collection()));
      return { store, second: store, withoutBucket };
    },
    { nestedKeys: 'refused' },
  );

  describe('approval', { tags: 'long' }, () => {
    approvalContract(
      async () => {
        const client = createWebdavClient(apache.collection());
        await makeWebdavStore(client);
        return withUrls(createWebdavStore(client));
      },
      { searches: false },
    );
  });
});
