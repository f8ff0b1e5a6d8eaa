// @module-tag long
import { describeWith } from '../support/components.ts';
import { bucketWithRoles } from '../support/roles.ts';
import { approvalContract } from './approval-contract.ts';

describeWith('minio', 'approval on MinIO, with the role of admin that AWS gives', () => {
  approvalContract(async () => {
    const { store, signer } = await bucketWithRoles();
    const uploads = { signer: signer('upload'), fetch };
    return { bucket: store('root'), store: store('admin'), uploads };
  });
});
