import type { NodeId } from '../../bundle/identity.ts';
import { count } from '../../protocol/count.ts';
import { parseKey, PENDING_DAYS } from '../../protocol/keys.ts';
import type { Site } from '../../protocol/site.ts';
import { listAll } from '../../store/port.ts';
import type { ObjectStore } from '../../store/port.ts';
import { readCosigned, sortCosigned } from '../approval/cosigned.ts';
import { readNode } from '../approval/record.ts';
import { newestKeyset } from './keysets.ts';
import { DOCTOR } from './probe.ts';
import type { Finding } from './probe.ts';

/** Of many. */
const NAMED = 10;

const GOOD = 'every signature in cosign/ is good for a decision';
const YOUNG = 'no decision lacks signatures for long';

/**
 * Reads the signatures on decisions that lack others. What is good for nothing changes no decision, so all
 * is a warning.
 * @param now Unix milliseconds
 */
export async function probeCosigned(
  store: ObjectStore,
  site: Site,
  now = Date.now(),
): Promise<Finding[]> {
  const nodes = new Set<NodeId>();
  const bad: string[] = [];
  const old = new Map<string, NodeId>();
  let all = 0;
  for await (const { key, modified } of listAll(store, 'cosign/')) {
    all++;
    const parsed = parseKey(key);
    if (parsed?.prefix !== 'cosign' || parsed.node === DOCTOR) bad.push(`${key} (not ours)`);
    else {
      nodes.add(parsed.node);
      if (now - modified.getTime() > PENDING_DAYS * 24 * 3_600_000) old.set(key, parsed.node);
    }
  }
  const keyset = await newestKeyset(store, site);
  for (const node of nodes) {
    const cosigned = await readCosigned({ store, site, node });
    const { overtaken } = sortCosigned(cosigned, await readNode(store, site, node), keyset);
    bad.push(...overtaken.map(({ key }) => key));
  }
  const waits = [...old].filter(([key]) => !bad.includes(key)).map(([key]) => key);
  return [
    finding(GOOD, all, bad, 'coatcheck repair NODE takes away what came too late'),
    finding(
      YOUNG,
      all,
      waits,
      `signed more than ${PENDING_DAYS} days ago: coatcheck status says who has yet to sign; a refusal that enough sign ends it`,
    ),
  ];
}

function finding(probe: string, all: number, named: readonly string[], advice: string): Finding {
  if (named.length === 0) return { probe, status: 'ok', found: count(all, 'signature') };
  const more = named.length > NAMED ? [`and ${named.length - NAMED} more`] : [];
  return { probe, status: 'warn', found: [...named.slice(0, NAMED), ...more].join(', '), advice };
}
