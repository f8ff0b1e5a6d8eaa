import type { Site } from '../../protocol/site.ts';
import { probeConditions } from './conditions.ts';
import { probeCosigned } from './cosigned.ts';
import { probeKeysets } from './keysets.ts';
import { probeListing } from './listing.ts';
import { probePending } from './pending.ts';
import { probePermissions } from './permissions.ts';
import { probePresigned } from './presigned.ts';
import type { Finding, Lab } from './probe.ts';
import { probeCa, probeReach } from './reach.ts';
import { probeRecords } from './record.ts';
import { probeUnsigned } from './unsigned.ts';

interface ExamineOptions {
  /** False to read nothing but the keysets of what the site has stored, however much that is */
  readonly record?: boolean;
  /** Looks at what is set of the store */
  readonly settings?: (() => Promise<Finding[]>) | undefined;
}

/**
 * Every probe of a store, in their order. What rests on one that failed is left out: where the store
 * cannot be reached the others would say nothing, and without conditions no credential tries a write.
 *
 * @param during runs a group of probes, of which `label` says what is going on
 */
export async function examine(
  lab: Lab,
  site: Site,
  during: (label: string, probe: () => Promise<Finding[]>) => Promise<Finding[]>,
  { record = true, settings }: ExamineOptions = {},
): Promise<Finding[]> {
  const reached = await during('reaching the store', async () => [
    ...probeCa(site),
    ...((await lab.own?.()) ?? []),
    ...(await probeReach(lab)),
  ]);
  if (!isWell(reached)) return reached;
  const conditions = await during('probing the conditions on PUT', () => probeConditions(lab));
  const keepsConditions = isWell(conditions);
  const probed = [
    ...reached,
    ...conditions,
    ...(await during('probing listings', () => probeListing(lab))),
    ...(await during('probing presigned URLs', () => probePresigned(lab))),
    ...(await during('probing without signatures', () => probeUnsigned(lab))),
    ...(await during('probing the credentials', () => probePermissions(lab, { keepsConditions }))),
    ...(await during('reading the keysets', () => probeKeysets(lab.stores.admin, site))),
  ];
  if (settings) probed.push(...(await during('reading the settings of the bucket', settings)));
  if (!record) return probed;
  return [
    ...probed,
    ...(await during('reading the record', () => probeRecords(lab.stores.admin, site))),
    ...(await during('reading signatures that wait for others', () =>
      probeCosigned(lab.stores.admin, site),
    )),
    ...(await during('reading what waits', () => probePending(lab.stores.admin, site))),
  ];
}

const isWell = (findings: readonly Finding[]): boolean =>
  findings.every(({ status }) => status !== 'fail');
