import { encodeChain } from '../../bundle/keyset.ts';
import { toBase64Url, toHex } from '../../bundle/bytes.ts';
import { approvedKey, parseDigest, rejectedKey } from '../../protocol/keys.ts';
import type { Site } from '../../protocol/site.ts';
import type { UrlSigner } from '../../store/port.ts';
import type { ChainReader } from '../keysets.ts';
import type { Handlers } from '../route.ts';
import { unixSeconds } from './time.ts';

/** A node polls one URL until it expires. */
const CONFIG_URL_SECONDS = 900;

/** What a booting node asks. `config` touches no storage: it signs, and that is all. */
export function downloadRoutes(
  site: Site,
  signer: UrlSigner,
  chain: ChainReader,
): Pick<Handlers, 'site' | 'config'> {
  const expiry = { expiresInSeconds: CONFIG_URL_SECONDS };
  return {
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
