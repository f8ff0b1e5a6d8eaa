// @module-tag long
import { describe, expect, it } from 'vitest';
import { approvedKey, cosignKey, historyKey, keysetKey, pendingKey } from '../../protocol/keys.ts';
import { parseDigest, rejectedKey, reportKey, PREFIXES } from '../../protocol/keys.ts';
import type { ObjectKey, Prefix } from '../../protocol/keys.ts';
import { codeOf } from '../../protocol/errors.ts';
import { CREDENTIALS } from '../../protocol/permissions.ts';
import type { Credential } from '../../protocol/permissions.ts';
import { presignedContract } from '../contract/presigned-contract.ts';
import { describeWith } from '../support/components.ts';
import { bucketWithRoles } from '../support/roles.ts';
import { makeNode } from '../support/site.ts';

const { id } = makeNode();
const digest = parseDigest('a'.repeat(64));
/** One key below each prefix. */
const KEYS: Record<Prefix, ObjectKey> = {
  pending: pendingKey(id, digest),
  history: historyKey(id, 1),
  approved: approvedKey(id),
  rejected: rejectedKey(id, digest),
  reports: reportKey(id),
  keysets: keysetKey(2),
  cosign: cosignKey(id, digest, 1),
};

/** What the AWS roles may do, as read off by trying; as in `infra/stack.test.ts`. */
const ALLOWED: Record<Credential, string[]> = {
  download: [
    'get approved',
    'get rejected',
    'get keysets',
    ...PREFIXES.map((prefix) => `list ${prefix}`),
  ],
  upload: [
    'get keysets',
    'put pending',
    'put reports',
    'list pending',
    'list rejected',
    'list keysets',
  ],
  admin: [
    ...PREFIXES.map((prefix) => `get ${prefix}`),
    ...['history', 'approved', 'rejected', 'keysets', 'cosign'].map((prefix) => `put ${prefix}`),
    ...['pending', 'rejected', 'reports', 'cosign'].map((prefix) => `delete ${prefix}`),
    ...PREFIXES.map((prefix) => `list ${prefix}`),
  ],
};

/** The policies of the AWS roles, from the template that `cdk synth` writes, on a real server. */
describeWith('minio', 'the AWS roles on a real MinIO', () => {
  describe.each(CREDENTIALS)('%s', (credential) => {
    it('may do what its table says and is denied everything else', async () => {
      const bucket = await bucketWithRoles();
      const root = bucket.store('root');
      const role = bucket.store(credential);
      const body = new Uint8Array([1]);
      const attempts = {
        list: (prefix: Prefix) => role.list(`${prefix}/`),
        get: (prefix: Prefix) => role.get(KEYS[prefix], { maxBytes: 1024 }),
        // A denied put is denied before it is found that the key exists.
        put: async (prefix: Prefix) => {
          await root.delete(KEYS[prefix]);
          await role.create(KEYS[prefix], body);
        },
        delete: (prefix: Prefix) => role.delete(KEYS[prefix]),
      };
      for (const prefix of PREFIXES) await root.create(KEYS[prefix], body);

      const allowed: string[] = [];
      for (const [name, attempt] of Object.entries(attempts)) {
        for (const prefix of PREFIXES) {
          const code = await attempt(prefix).then(
            () => 'allowed',
            (error: unknown) => codeOf(error),
          );
          if (code === 'allowed') allowed.push(`${name} ${prefix}`);
          else expect(code, `${name} ${prefix}`).toBe('store_denied');
        }
      }
      expect(allowed.toSorted()).toEqual(ALLOWED[credential].toSorted());
    });
  });

  presignedContract(
    'S3, by the small signer, with the AWS roles',
    async () => {
      const bucket = await bucketWithRoles();
      return {
        store: bucket.store('root'),
        signer: (credential, options) => bucket.signer(credential, options),
        copySource: (key) => `/${bucket.name}/${key}`,
      };
    },
    {
      toleratedHeaders: [
        'x-amz-acl',
        'x-amz-tagging',
        'x-amz-storage-class',
        'x-amz-website-redirect-location',
      ],
    },
  );
});
