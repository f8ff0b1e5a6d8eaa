import { encodeChain } from '../../bundle/keyset.ts';
import { toBase64Url, toHex } from '../../bundle/bytes.ts';
import { approvedKey, parseDigest, rejectedKey } from '../../protocol/keys.ts';
import { keysetsOf } from '../../protocol/site.ts';
import type { Site } from '../../protocol/site.ts';
import type { UrlSigner } from '../../store/port.ts';
import type { ChainReader, KeysetReader } from '../keysets.ts';
import { createReadiness } from '../ready.ts';
import type { Handlers } from '../route.ts';
import { unixSeconds } from './time.ts';

/** A node polls one URL until it expires. */
const CONFIG_URL_SECONDS = 900;

/** What a booting node asks. `config` touches no storage: it signs, and that is all. */
export function downloadRoutes(
  site: Site,
  { signer, keysets }: { readonly signer: UrlSigner; readonly keysets: KeysetReader },
  chain: ChainReader,
): Pick<Handlers, 'ready' | 'site' | 'config'> {
  const expiry = { expiresInSeconds: CONFIG_URL_SECONDS };
  // The one after those that the site's file has: the first that a reading of the chain asks for.
  const demandStore = createReadiness(keysets, keysetsOf(site).at(-1)!.keyset.version + 1);
  return {
    ready: async ({ now }) => {
      await demandStore();
      return { ready: true, now };
    },

    site: async ({ now }) => ({
      site: toHex(site.id),
      name: site.name,
      approval: site.approval,
      maxBundleBytes: site.maxBundleBytes,
      chain: toBase64Url(encodeChain(await chain())),
      now,
    }),

    config: async ({ node, query: { waiting }, now }) => {
      const { url, expiresAt } = await signer.signGet(approvedKey(node), expiry);
      const answer = { url, expiresAt: unixSeconds(expiresAt), now };
      if (waiting === undefined) return answer;
      const rejected = await signer.signGet(rejectedKey(node, parseDigest(waiting)), expiry);
      return { ...answer, rejectedUrl: rejected.url };
    },
  };
}
