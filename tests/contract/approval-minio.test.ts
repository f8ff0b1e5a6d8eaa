import { describeWith } from '../support/components.ts';
import { freshBucket } from '../support/minio.ts';
import { approvalContract } from './approval-contract.ts';

describeWith('minio', 'approval on MinIO, with the admin credential', () => {
  approvalContract(async () => {
    const { store, signer } = await freshBucket();
    const uploads = { signer: signer('upload'), fetch };
    return { bucket: store('root'), store: store('admin'), uploads };
  });
});
