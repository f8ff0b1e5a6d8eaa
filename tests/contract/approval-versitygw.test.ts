import { describeWith } from '../support/components.ts';
import { freshVersitygwBucket } from '../support/versitygw.ts';
import { approvalContract } from './approval-contract.ts';

describeWith('versitygw', 'approval on versitygw, with the admin credential', () => {
  approvalContract(async () => {
    const { store } = await freshVersitygwBucket();
    return { bucket: store('root'), store: store('admin') };
  });
});
