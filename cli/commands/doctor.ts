import { fail } from '../../protocol/errors.ts';
import type { Context } from '../context.ts';
import { probeConditions } from '../../functions/doctor/conditions.ts';
import { openLab } from '../doctor/open.ts';
import { probePermissions } from '../../functions/doctor/permissions.ts';
import { probePresigned } from '../../functions/doctor/presigned.ts';
import { probeReach } from '../../functions/doctor/reach.ts';
import { probeListing } from '../../functions/doctor/listing.ts';
import { probeUnsigned } from '../../functions/doctor/unsigned.ts';
import type { Finding } from '../../functions/doctor/probe.ts';
import { probeRecords } from '../../functions/doctor/record.ts';
import { escapeLine } from '../../protocol/escape.ts';
import { readSite } from '../home.ts';
import { storePlace } from '../../functions/serve/store-options.ts';
import type { StoreFlags } from '../../functions/serve/store-options.ts';
import { count } from '../../protocol/count.ts';
import type { Terminal } from '../terminal.ts';

/**
 * `coatcheck doctor`: whether the store keeps the promises that coatcheck rests on, whether each
 * credential can do its part and nothing else, and whether the record is whole. Needs the server's
 * credentials, not the administrator's key.
 * @throws probe_failed if any probe fails
 */
export async function doctor(context: Context, flags: StoreFlags): Promise<void> {
  const { terminal, home } = context;
  const site = await readSite(home);
  const lab = await openLab(storePlace(flags, home));
  const findings: Finding[] = [];
  /** @returns whether all is well */
  const examine = async (label: string, probe: () => Promise<Finding[]>): Promise<boolean> => {
    const found = await terminal.waiting(label, probe);
    found.forEach((finding) => {
      print(terminal, finding);
    });
    findings.push(...found);
    return found.every(({ status }) => status !== 'fail');
  };
  if (await examine('reaching the store', () => probeReach(lab))) {
    const keepsConditions = await examine('probing the conditions on PUT', () =>
      probeConditions(lab),
    );
    await examine('probing listings', () => probeListing(lab));
    await examine('probing presigned URLs', () => probePresigned(lab));
    await examine('probing without signatures', () => probeUnsigned(lab));
    await examine('probing the credentials', () => probePermissions(lab, { keepsConditions }));
    await examine('reading the record', () => probeRecords(lab.stores.admin, site));
  }
  const failed = findings.filter(({ status }) => status === 'fail').length;
  terminal.document({ ok: failed === 0, findings });
  if (failed > 0)
    throw fail('probe_failed', `${count(failed, 'probe')} of ${findings.length} failed`);
  terminal.print(`${findings.length} probes, none failed`);
}

function print({ print: line, style }: Terminal, finding: Finding): void {
  const mark = { ok: style.green('ok  '), warn: style.yellow('warn'), fail: style.red('FAIL') };
  line(`${mark[finding.status]}  ${finding.probe}: ${escapeLine(finding.found)}`);
  if (finding.advice !== undefined) line(`      ${finding.advice}`);
}
