import { fileURLToPath } from 'node:url';
import { createContext, runInContext } from 'node:vm';
import { build } from 'esbuild';
import { expect, it } from 'vitest';
import { toHex } from '../bundle/bytes.ts';
import { approvedKey, parseDigest, pendingKey } from '../protocol/keys.ts';
import { serveInProcess } from '../tests/support/in-process.ts';
import { makeNode, makeSite, propose } from '../tests/support/site.ts';
import type * as Admin from './index.ts';

/** admin/index.ts as a browser gets it, run where only what browsers have is defined. */
async function loadInBrowser(): Promise<typeof Admin> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('./index.ts', import.meta.url))],
    ...{ bundle: true, write: false, platform: 'browser', format: 'iife', globalName: 'admin' },
  });
  // One Uint8Array for both sides, as between two scripts of one page.
  const web = { crypto, TextEncoder, TextDecoder, Uint8Array, URL, AbortSignal, setTimeout };
  const context = createContext(web);
  runInContext(outputFiles[0]!.text, context);
  return context['admin'] as typeof Admin;
}

it('approves in a browser as it does here', async () => {
  const { createSession, emptyMemory, findBundle, localKey, lookAt, planApprove, sign } =
    await loadInBrowser();
  const { site, admins } = makeSite();
  const node = makeNode();
  const { server, fetch, store } = serveInProcess(site);
  const { bytes, digest } = propose({ keyset: site.pinned.keyset, node });
  await store.create(pendingKey(node.id, parseDigest(toHex(digest))), bytes);
  const session = await createSession({
    ...{ site, server, fetch, key: localKey(admins[0]!.identity), program: 'a page' },
    memory: { load: async () => emptyMemory(site), add: async () => undefined },
  });
  const standing = await lookAt(session, node.id);
  const plan = await planApprove(session, standing, {
    ...{ place: findBundle(standing, undefined), reason: 'seen on a page' },
    ...{ showSecrets: false, stat: false },
  });
  expect(plan.review?.diff.files.map(({ path }) => path)).toEqual(['etc/hostname']);
  expect(await sign(session, plan)).toMatchObject([{ type: 'approve', published: true }]);
  expect(await store.head(approvedKey(node.id))).toBeDefined();
});
