import { sha256 } from '#platform';
import { toHex } from '../../bundle/bytes.ts';
import { CoatcheckError } from '../../bundle/errors.ts';
import { reportText, sealReport } from '../../bundle/report.ts';
import { codeOf, ERRORS } from '../../protocol/errors.ts';
import type { DigestHex } from '../../protocol/keys.ts';
import { tellMemory } from '../identity/memory/open-memory.ts';
import { attestationOf } from './attesting.ts';
import type { Node } from './node.ts';
import { createPatience } from './patience.ts';
import type { Patience } from './patience.ts';
import type { Servers } from './servers.ts';
import type { Decision } from './source.ts';

/** A configuration restarts the network: names and ways come back one by one, long after a first answer. */
const AWAY_SECONDS = 60;

/**
 * Tells the administrators what became of a decision, and whether this machine remembered anything
 * when it looked: sealed to them, signed by this machine. A machine that could not say so runs all
 * the same: the failure is noted, and the answer is false. What may pass by itself, where a server answered before, is
 * tried again for a minute.
 * @param outcome at most 960 bytes of UTF-8
 * @param patience for tests to change
 */
export async function sendReport(
  node: Node,
  servers: Servers,
  decision: Decision,
  outcome: string,
  patience: Patience = createPatience({ limitSeconds: servers.hasAnswered() ? AWAY_SECONDS : 0 }),
): Promise<boolean> {
  const { identity, site } = node;
  const { keyset, statementDigest, bundle } = decision.frame;
  try {
    const time = Math.max(0, node.now(), decision.serverNow);
    const result = `${outcome}; memory: ${tellMemory(node.memory)}`;
    const report = { node: identity.id, site: site.id, statementDigest, time, result };
    const attestation = attestationOf(node, statementDigest, reportText(report), bundle);
    const sealed = sealReport({
      report: { ...report, ...(attestation && { attestation }) },
      signer: identity,
      recipients: keyset.keys.map(({ boxKey }) => boxKey),
    });
    const digest = toHex(sha256(sealed)) as DigestHex;
    const request = { digest, size: sealed.length, proof: decision.proof };
    for (;;) {
      try {
        await servers.ask(async (client) => {
          const { put } = await client.report(identity.id, request);
          await client.put(put, sealed, { overwrite: true });
        });
        return true;
      } catch (error) {
        if (!mayPass(error) || patience.isOver()) throw error;
      }
      await patience.pause();
    }
  } catch (error) {
    if (!(error instanceof CoatcheckError)) throw error;
    node.console.note(`the report was not sent: ${error.message} [${codeOf(error)}]`);
    return false;
  }
}

/** Tells the administrators once of each decision that this machine does not take it, where its memory was wiped. */
export function wipedTeller(node: Node, servers: Servers): (untaken: Decision) => Promise<void> {
  let told: string | undefined;
  return async (untaken) => {
    const statement = toHex(untaken.frame.statementDigest);
    if (told === statement || node.memory.wiped?.() === undefined) return;
    const said = 'not applied: its memory was wiped, and it waits for coatcheck renew';
    if (await sendReport(node, servers, untaken, said)) told = statement;
  };
}

/** Server, store or network may come back. */
const mayPass = (error: unknown): boolean =>
  error instanceof CoatcheckError && ERRORS[codeOf(error)].node === 'retry';
