import { codeOf, fail, hasCode } from '../../protocol/errors.ts';
import type { Context } from '../context.ts';
import { examine } from '../../functions/doctor/examine.ts';
import { labOf } from '../../functions/doctor/lab.ts';
import { probeSettings } from '../../functions/doctor/settings.ts';
import type { Finding } from '../../functions/doctor/probe.ts';
import { escapeLine } from '../../protocol/escape.ts';
import { PROBE_ROUTE } from '../../protocol/probe.ts';
import { openSession } from '../session.ts';
import { readSite } from '../site-file.ts';
import type { StoreFlags } from '../../functions/stores/kind.ts';
import { openSettings, openStore, storePlace } from '../../functions/stores/kinds.ts';
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
  const { ca } = site;
  const place = storePlace(flags, home);
  const lab = labOf(await openStore(place, { probing: true, ca }), ca);
  const bucket = await openSettings(place, { ca });
  const settings = bucket && (() => probeSettings(bucket));
  const during: Parameters<typeof examine>[2] = async (label, probe) => {
    const found = await terminal.waiting(label, probe);
    found.forEach((finding) => {
      print(terminal, finding);
    });
    return found;
  };
  const findings = await examine(lab, site, during, { settings });
  conclude(terminal, findings);
}

/**
 * `coatcheck doctor --deployed`: has the server probe its store, with the roles that it has.
 * @throws probe_failed if any probe fails; too_soon, and what a server answers
 */
export async function doctorDeployed(context: Context): Promise<void> {
  const { terminal } = context;
  const { client } = await openSession(context);
  const { findings } = await terminal
    .waiting('the deployment probes its store', () => client.ask(PROBE_ROUTE))
    .catch((error: unknown) => {
      // A server without the route says so, and a gateway in front of one in its own way.
      if (!hasCode(error, 'no_such_route', 'server_garbage')) throw error;
      const { message } = error as Error;
      throw fail(codeOf(error), `${message}; only a stack that was made with probe=true has this`);
    });
  findings.forEach((finding) => {
    print(terminal, finding);
  });
  conclude(terminal, findings);
}

/** @throws probe_failed */
function conclude(terminal: Terminal, findings: readonly Told[]): void {
  const failed = findings.filter(({ status }) => status === 'fail').length;
  terminal.document({ ok: failed === 0, findings });
  if (failed > 0)
    throw fail('probe_failed', `${count(failed, 'probe')} of ${findings.length} failed`);
  const unknown = findings.filter(({ status }) => status === 'unknown').length;
  const rest = unknown === 0 ? '' : `, ${unknown} not known`;
  terminal.print(`${findings.length} probes, none failed${rest}`);
}

/** A {@link Finding}, also one that came by the network. */
type Told = Pick<Finding, 'probe' | 'status' | 'found'> & { readonly advice?: string | undefined };

function print({ print: line, style }: Terminal, finding: Told): void {
  const mark = {
    ok: style.green('ok  '),
    warn: style.yellow('warn'),
    fail: style.red('FAIL'),
    unknown: style.yellow('?   '),
  };
  line(`${mark[finding.status]}  ${escapeLine(finding.probe)}: ${escapeLine(finding.found)}`);
  if (finding.advice !== undefined) line(`      ${escapeLine(finding.advice)}`);
}
