import { hostname } from 'node:os';
import { toHex, utf8 } from '../../bundle/bytes.ts';
import { fail } from '../../protocol/errors.ts';
import { createFetch } from '../../net/fetch.ts';
import { signRequest } from '../../protocol/request-signature.ts';
import type { Node } from '../boot/node.ts';
import { ask, patiently } from './ask.ts';
import type { Manners } from './ask.ts';
import type { Webhook } from './config.ts';
import type { ReadyAbout } from './readiness.ts';

/**
 * Tells a webhook that this machine is configured, in a request that is signed as all requests of a
 * machine are (docs/http-api.md, "Signed requests"): whoever knows the machine's id can check it.
 * Nothing secret is in it.
 *
 * @throws server_unreachable after six tries; step_failed for any answer but 2xx
 */
export async function callWebhook(
  node: Pick<Node, 'identity' | 'site' | 'now'>,
  { url: text, ca }: Webhook,
  about: ReadyAbout,
  manners?: Manners,
): Promise<void> {
  const url = new URL(text);
  const { identity, site, now } = node;
  const fetch = createFetch({ ca });
  const { status, said } = await patiently(() => {
    const created = now();
    const body = utf8(
      JSON.stringify({
        coatcheck: 'ready/1',
        site: toHex(site.id),
        node: identity.id,
        hostname: hostname(),
        time: created,
        statement: about.statement,
        seq: about.seq,
        approved: about.isApproved,
        failed: about.failed.map(({ what }) => what),
      }),
    ) as Uint8Array<ArrayBuffer>;
    const signed = signRequest({ method: 'POST', url, body, site: site.id, identity, created });
    const headers = { 'content-type': 'application/json', ...signed };
    return ask(fetch, 'the webhook', url, { method: 'POST', headers, body }, manners);
  }, manners);
  if (status < 200 || status > 299) {
    throw fail('step_failed', `the webhook at ${url.host} answered ${said}`);
  }
}
