import { createHash } from 'node:crypto';
import { createInterface } from 'node:readline';
import { CoatcheckError } from '../../bundle/errors.ts';
import { localSecrets } from '../../functions/stores/local-secrets.ts';
import { codeOf } from '../../protocol/errors.ts';
import type { ObjectKey } from '../../protocol/keys.ts';
import { createFilesystemStore, openFilesystemStore } from '../../store/filesystem.ts';
import { createLocalHandler, createLocalSigner } from '../../store/local-urls.ts';
import { listAll } from '../../store/port.ts';
import type { ObjectStore } from '../../store/port.ts';
import type { Answer, Call } from './calls.ts';

/**
 * A filesystem store in a process of its own, small and quick to start: reads one call a line, as
 * JSON, and answers each with a line.
 */
const folder = process.argv[2]!;
let store: ObjectStore = createFilesystemStore(folder);

const secret = createHash('sha256').update('a secret for the tests').digest();
const secrets = { download: secret, upload: secret, admin: secret };

const bodyOf = (call: { text: string; size: number }): Uint8Array =>
  Buffer.alloc(call.size, call.text);
const digest = (body: Uint8Array): string => createHash('sha256').update(body).digest('hex');

/** As a client that was given a presigned URL, but without a socket between. */
async function upload(key: ObjectKey, body: Uint8Array, overwrite: boolean): Promise<Answer> {
  const baseUrl = 'http://127.0.0.1';
  const signer = createLocalSigner({ baseUrl, credential: 'upload', secret });
  const sha256 = createHash('sha256').update(body).digest();
  const put = { size: body.length, sha256, expiresInSeconds: 600, overwrite };
  const { url, headers } = await signer.signPut(key, put);
  const response = await createLocalHandler({ store, secrets })(
    new Request(url, { method: 'PUT', headers, body: body as BodyInit }),
  );
  if (response.ok) return { etag: response.headers.get('etag')!.slice(1, -1) };
  const text = await response.text();
  return { error: /<Code>(\w+)/.exec(text)![1]!, message: text };
}

async function perform(call: Call): Promise<Answer> {
  switch (call.do) {
    case 'open':
      store = await openFilesystemStore(folder, { create: call.create });
      return {};
    case 'secrets':
      await localSecrets(folder);
      return {};
    case 'create':
      return store.create(call.key, bodyOf(call));
    case 'replace':
      return store.replace(call.key, bodyOf(call), call.etag);
    case 'upload':
      return upload(call.key, bodyOf(call), call.overwrite ?? false);
    case 'delete':
      await store.delete(call.key);
      return {};
    case 'get': {
      const object = await store.get(call.key, { maxBytes: 2 ** 24 });
      return object ? { etag: object.etag, sha256: digest(object.body) } : {};
    }
    case 'head': {
      const head = await store.head(call.key);
      return head ? { etag: head.etag } : {};
    }
    case 'list': {
      const keys: string[] = [];
      for await (const { key } of listAll(store, call.prefix)) keys.push(key);
      return { keys };
    }
  }
}

async function answer(line: string): Promise<Answer> {
  try {
    return await perform(JSON.parse(line) as Call);
  } catch (error) {
    if (!(error instanceof CoatcheckError)) throw error;
    return { error: codeOf(error), message: error.message };
  }
}

createInterface(process.stdin).on('line', (line) => {
  void answer(line).then((given) => process.stdout.write(`${JSON.stringify(given)}\n`));
});
