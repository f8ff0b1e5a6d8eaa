import { equalBytes, toHex } from '../../bundle/bytes.ts';
import { CoatcheckError } from '../../bundle/errors.ts';
import { bundleDigest, readBundle } from '../../bundle/header.ts';
import type { SealedBundle } from '../../bundle/header.ts';
import type { NodeId } from '../../bundle/identity.ts';
import type { Keyset } from '../../bundle/keyset.ts';
import { count } from '../../protocol/count.ts';
import { codeOf } from '../../protocol/errors.ts';
import { decidedDigests } from '../../protocol/history.ts';
import { historyKey, parseKey, PENDING_DAYS } from '../../protocol/keys.ts';
import type { DigestHex, ObjectKey } from '../../protocol/keys.ts';
import type { Site } from '../../protocol/site.ts';
import { listAll } from '../../store/port.ts';
import type { ObjectStore } from '../../store/port.ts';
import { readWithin } from '../approval/objects.ts';
import { bundlesUnderWay } from '../approval/cosigned.ts';
import { readNode } from '../approval/record.ts';
import { newestKeyset } from './keysets.ts';
import { DOCTOR } from './probe.ts';
import type { Finding } from './probe.ts';

/** What waits, by the node that it waits for. */
interface Waiting {
  readonly key: ObjectKey;
  readonly digest: DigestHex;
  /** By the store's clock */
  readonly modified: Date;
  /** It is past its end. */
  readonly isOld: boolean;
}

/** A day more than the sweeper's: it comes by hourly, and a lifecycle rule of AWS daily. */
const END_MILLISECONDS = (PENDING_DAYS + 1) * 24 * 3_600_000;
/** Of a flood. */
const NAMED = 10;

const DECIDABLE = 'everything in pending/ can be decided';
const ENDS = 'nothing in pending/ is past its end';
const STANDS = 'nothing in pending/ was overtaken by a decision';

/**
 * Looks for what was left in `pending/`: each proposal is read, one after another. Nothing of it changes a
 * decision, so all is a warning.
 * @param now Unix milliseconds
 */
export async function probePending(
  store: ObjectStore,
  site: Site,
  now = Date.now(),
): Promise<Finding[]> {
  const nodes = new Map<NodeId, Waiting[]>();
  const undecidable: string[] = [];
  const old: string[] = [];
  const overtaken: string[] = [];
  let all = 0;
  for await (const { key, modified } of listAll(store, 'pending/')) {
    const parsed = parseKey(key);
    if (parsed?.prefix === 'pending' && parsed.node === DOCTOR) continue;
    all++;
    const isOld = now - modified.getTime() > END_MILLISECONDS;
    if (parsed?.prefix !== 'pending') {
      undecidable.push(`${key} (not ours)`);
      if (isOld) old.push(key);
    } else {
      const { node, digest } = parsed;
      nodes.set(node, [...(nodes.get(node) ?? []), { key, digest, modified, isOld }]);
    }
  }
  const keyset = await newestKeyset(store, site);
  for (const [node, waiting] of nodes) {
    // The sweeper leaves what somebody has signed a decision about.
    const isAnyOld = waiting.some(({ isOld }) => isOld);
    const underWay = (isAnyOld ? await bundlesUnderWay({ store, site, node }) : []).map(toHex);
    const history = await readNode(store, site, node);
    const decided = decidedDigests(history);
    const { head } = history;
    const last = head && (await store.head(historyKey(node, head.slot)))?.modified;
    for (const { key, digest, modified, isOld } of waiting) {
      if (isOld && !underWay.includes(digest)) old.push(key);
      const entry = decided.get(digest);
      if (entry !== undefined) {
        overtaken.push(`${key} (decided: seq ${entry.frame.statement.seq})`);
        continue;
      }
      const bundle = await readProposal(store, site, key, digest, keyset);
      if (typeof bundle === 'string') undecidable.push(`${key} (${bundle})`);
      else if (bundle?.kind === 'admin' && last !== undefined && modified < last) {
        overtaken.push(
          `${key} (an administrator's, older than decision ${head!.frame.statement.seq})`,
        );
      }
    }
  }
  return [
    finding(
      DECIDABLE,
      all,
      undecidable,
      'coatcheck reject NODE DIGEST takes each away; a machine that still waits seals another',
    ),
    finding(
      ENDS,
      all,
      old,
      'coatcheck serve sweeps hourly, and a lifecycle rule of the stack on AWS: does either run on this store?',
    ),
    finding(
      STANDS,
      all,
      overtaken,
      "coatcheck repair NODE clears what was decided; coatcheck reject NODE DIGEST an upload that lost, which its maker's next decision about the node takes back too",
    ),
  ];
}

function finding(probe: string, all: number, bad: readonly string[], advice: string): Finding {
  if (bad.length === 0) return { probe, status: 'ok', found: count(all, 'proposal') };
  const more = bad.length > NAMED ? [`and ${bad.length - NAMED} more`] : [];
  return { probe, status: 'warn', found: [...bad.slice(0, NAMED), ...more].join(', '), advice };
}

/** The bundle; why no server would let anybody approve it; undefined if it is gone meanwhile. */
async function readProposal(
  store: ObjectStore,
  site: Site,
  key: ObjectKey,
  digest: DigestHex,
  keyset: Keyset,
): Promise<SealedBundle | string | undefined> {
  const there = await readWithin(store, key, site.maxBundleBytes);
  if (there === undefined) return undefined;
  if (there.bytes === undefined) return 'too_large';
  if (toHex(bundleDigest(there.bytes)) !== digest) return 'digest_mismatch';
  try {
    const bundle = readBundle(there.bytes, { maxBytes: site.maxBundleBytes, expect: 'proposal' });
    const isAdmins = keyset.keys.some(({ signKey }) => equalBytes(signKey, bundle.signer));
    if (bundle.kind === 'admin' && !isAdmins) return 'bad_signer';
    return bundle.recipientCount === 1 + keyset.keys.length ? bundle : 'bad_recipients';
  } catch (error) {
    if (!(error instanceof CoatcheckError)) throw error;
    return codeOf(error);
  }
}
