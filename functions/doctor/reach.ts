import { hasRoot, NO_ROOT } from '../../net/certificates.ts';
import { httpDate } from '../../protocol/http-date.ts';
import { hasCode } from '../../protocol/errors.ts';
import { reasonOf } from '../../protocol/objects.ts';
import { count } from '../../protocol/count.ts';
import type { Site } from '../../protocol/site.ts';
import { EMPTY_KEYS, reason, TIMEOUT_SECONDS } from './probe.ts';
import type { Finding, Lab } from './probe.ts';

/** S3 refuses a request that is dated 15 minutes wrong, and a URL of ours lasts as little as one. */
const MAX_SKEW_SECONDS = 60;

const PROBE = 'an object store answers, and its clock is right';

/** Whether the CA of a site, where it has one, can vouch for anybody. */
export function probeCa({ ca }: Site): Finding[] {
  if (ca === undefined) return [];
  const probe = "the site's CA has a root";
  if (hasRoot(ca)) return [{ probe, status: 'ok', found: 'yes' }];
  const advice = 'make the site.json of every image with the root that the chain ends in (--ca)';
  return [{ probe, status: 'warn', found: NO_ROOT, advice }];
}

/** What every other probe takes for granted. Where it fails, they would say nothing. */
export async function probeReach(lab: Lab): Promise<Finding[]> {
  const failed = (found: string, advice: string): Finding[] => [
    { probe: PROBE, status: 'fail', found, advice },
  ];
  let answer: Response;
  let text: string;
  try {
    const { url } = await lab.signers.download.signGet(EMPTY_KEYS.approved, {
      expiresInSeconds: 60,
    });
    const signal = AbortSignal.timeout(TIMEOUT_SECONDS * 1000);
    answer = await lab.fetch(url, { redirect: 'manual', signal });
    text = await answer.text();
  } catch (error) {
    return failed(
      `no answer: ${reasonOf(error)}`,
      'can this machine reach the store where nodes do (--public-endpoint, --endpoint)?',
    );
  }
  const code = /<Code>([A-Za-z]{1,60})<\/Code>/.exec(text)?.[1];
  if (code === undefined) {
    return failed(
      `an answer ${answer.status} that is none of S3`,
      'something answers in place of the store (a proxy, a log-in page): look at --public-endpoint and --endpoint',
    );
  }
  const skew = skewSeconds(answer);
  if (Math.abs(skew) > MAX_SKEW_SECONDS) {
    return failed(
      `its clock is ${count(Math.abs(skew), 'second')} ${skew > 0 ? 'ahead of' : 'behind'} ours`,
      'signatures are dated: set both clocks by the same time server (NTP)',
    );
  }
  try {
    await lab.stores.admin.list('', { limit: 1 });
  } catch (error) {
    // What a credential may not is the business of other probes.
    if (!hasCode(error, 'store_denied')) {
      return failed(
        reason(error),
        'look at --store, --endpoint and --region: is the bucket there?',
      );
    }
  }
  return [{ probe: PROBE, status: 'ok', found: code }];
}

/** How far its `Date` is ahead of our clock; 0 for a handler in this process, which sends none. */
function skewSeconds(answer: Response): number {
  const date = httpDate(answer.headers.get('date'));
  return date === undefined ? 0 : Math.round(date - Date.now() / 1000);
}
