import { describeWith } from '../support/components.ts';
import { freshVersitygwBucket } from '../support/versitygw.ts';
import { approvalContract } from './approval-contract.ts';

describeWith('versitygw', 'approval on versitygw, with the admin credential', () => {
  approvalContract(async () => {
    const { store, signer } = await freshVersitygwBucket();
    const uploads = { signer: signer('upload'), fetch };
    return { bucket: store('root'), store: store('admin'), uploads };
  });
});
