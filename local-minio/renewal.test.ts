import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { fail } from '../protocol/errors.ts';
import type { Credential } from '../protocol/permissions.ts';
import type { S3Credentials } from '../store/s3-options.ts';
import { withTemporaryFolder } from '../tests/support/temporary-folder.ts';
import { takeCredentials } from './credentials.ts';
import { keepCredentials } from './renewal.ts';

vi.mock(import('./credentials.ts'));

let folder: string;
withTemporaryFolder('renewal', (made) => (folder = made));

it('that is stopped while it renews says nothing, and renews no more', async () => {
  const keys = { accessKeyId: 'id', secretAccessKey: 'key' } as Required<S3Credentials>;
  const sessions: Record<Credential, typeof keys> = { download: keys, upload: keys, admin: keys };
  let refuse: (error: Error) => void = () => undefined;
  const begun = new Promise<void>((resolve) => {
    vi.mocked(takeCredentials)
      .mockResolvedValueOnce(sessions)
      .mockImplementationOnce(() => {
        resolve();
        return new Promise((_, reject) => (refuse = reject));
      });
  });
  const said: string[] = [];
  const kept = await keepCredentials(
    { endpoint: 'http://127.0.0.1:1', rootUser: 'root', rootPassword: 'x' },
    {
      ...{ bucket: 'some', path: join(folder, 's3.json'), durationSeconds: 900 },
      ...{ renewAfterSeconds: 0, say: (line: string) => void said.push(line) },
    },
  );
  await begun;
  kept.stop();
  refuse(fail('store_denied', 'the server has ended'));
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect([said, vi.mocked(takeCredentials).mock.calls.length]).toEqual([[], 2]);
});
