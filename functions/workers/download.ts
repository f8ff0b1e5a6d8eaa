import { Hono } from 'hono';
import { ROUTES } from '../../protocol/http.ts';
import { createApp } from '../app.ts';
import { presignedKeysets } from '../keysets.ts';
import type { DownloadEnvironment } from './environment.ts';
import { readEnvironment } from './environment.ts';
import { worker } from './worker.ts';

/**
 * What nodes ask at boot, and the front of the site: it signs URLs with a token that only reads, and hands on what
 * the other two answer. A route of Cloudflare has no `*` in its middle, and could not tell
 * `/v1/nodes/.../config` from `/v1/nodes/.../proposals`.
 */
export default worker((env: DownloadEnvironment) => {
  const { signer, site, publicUrl, log } = readEnvironment(env);
  const keysets = presignedKeysets(signer, fetch);
  const own = createApp({
    ...{ site, log, download: { signer, keysets } },
    ...(publicUrl === undefined ? {} : { publicUrl }),
  });

  const front = new Hono();
  const others = { upload: env.UPLOAD, admin: env.ADMIN };
  for (const { path, credential } of Object.values(ROUTES)) {
    if (credential === 'any' || credential === 'download') continue;
    front.all(path, (c) => others[credential].fetch(c.req.raw));
  }
  front.all('*', (c) => own.fetch(c.req.raw));
  return front;
});
