import { randomBytes } from 'node:crypto';
import { createAdaptorServer } from '@hono/node-server';
import { createApp } from '../../../functions/app.ts';
import { storeKeysets } from '../../../functions/keysets.ts';
import type { ObjectKey } from '../../../protocol/keys.ts';
import type { Credential } from '../../../protocol/permissions.ts';
import { inBatches } from '../../../store/batches.ts';
import { createFilesystemStore } from '../../../store/filesystem.ts';
import { guardStore } from '../../../store/guard.ts';
import { createLocalHandler, createLocalSigner } from '../../../store/local-urls.ts';
import { createMemoryStore } from '../../../store/memory.ts';
import { listAll } from '../../../store/port.ts';
import { SITE } from '../fleet.ts';

/**
 * `memory-server.ts FOLDER PORT`: the server on a store that is only memory, which begins with what the
 * store in a folder holds: what the code costs where the store costs nothing.
 */
const [folder, port] = process.argv.slice(2) as [string, string];
const baseUrl = `http://127.0.0.1:${port}`;
const source = createFilesystemStore(folder);
const store = createMemoryStore();
const keys: ObjectKey[] = [];
for await (const { key } of listAll(source, '')) keys.push(key);
// As a decision writes them: what is shown to a node is never older than its record.
keys.sort((a, b) => Number(b.startsWith('history/')) - Number(a.startsWith('history/')));
await inBatches(keys, async (key) =>
  store.create(key, (await source.get(key, { maxBytes: 2 ** 24 }))!.body),
);

const secrets = { download: randomBytes(32), upload: randomBytes(32), admin: randomBytes(32) };
const role = (credential: Credential) => ({
  store: guardStore(store, credential),
  signer: createLocalSigner({ baseUrl, credential, secret: secrets[credential] }),
});
const withKeysets = (credential: Credential) => ({
  ...role(credential),
  keysets: storeKeysets(store),
});
const app = createApp({
  site: SITE,
  download: withKeysets('download'),
  upload: withKeysets('upload'),
  admin: role('admin'),
});
const objects = createLocalHandler({ store, secrets });
createAdaptorServer({
  fetch: (request) =>
    new URL(request.url).pathname.startsWith('/objects/') ? objects(request) : app.fetch(request),
}).listen(Number(port), '127.0.0.1');
process.once('SIGTERM', () => process.exit(0));
