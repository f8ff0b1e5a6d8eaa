import { equalBytes, toHex } from '../../bundle/bytes.ts';
import { verifyEntry } from '../../protocol/history.ts';
import { approvedKey, parseKey } from '../../protocol/keys.ts';
import { listAll } from '../../store/port.ts';
import type { ObjectStore } from '../../store/port.ts';
import { SITE } from './site.ts';
import type { FleetNode } from './storm.ts';

const MAX_BYTES = 4 * 1024 * 1024;

/**
 * Holds the whole record against what administrators were told.
 * @returns every promise that was broken
 */
export async function judge(store: ObjectStore, fleet: readonly FleetNode[]): Promise<string[]> {
  const faults: string[] = [];
  for (const { node, acknowledged } of fleet) {
    const { id } = node.identity;
    const record = [];
    for await (const { key } of listAll(store, `history/${id}/`)) {
      const body = (await store.get(key, { maxBytes: MAX_BYTES }))!.body;
      if (parseKey(key) === undefined) faults.push(`junk: ${key}`);
      record.push(verifyEntry(body, SITE, id));
    }
    const digests = record.map(({ statement }) => toHex(statement.digest));
    if (new Set(digests).size !== digests.length) faults.push(`${id}: a digest was decided twice`);
    for (const { statement, digest } of acknowledged) {
      const there = record.filter((entry) => equalBytes(entry.statementDigest, statement.digest));
      if (there.length !== 1) {
        faults.push(`${id}: the decision about ${digest} is there ${there.length} times`);
      }
    }
    if (record.length !== acknowledged.length) {
      faults.push(`${id}: ${record.length} entries, ${acknowledged.length} were acknowledged`);
    }
    const inForce = acknowledged.findLast(
      ({ statement }) => statement.statement.type !== 'reject',
    )!.statement;
    const shown = await store.get(approvedKey(id), { maxBytes: MAX_BYTES });
    const digest = shown && verifyEntry(shown.body, SITE, id).statementDigest;
    if (digest === undefined || !equalBytes(digest, inForce.digest)) {
      faults.push(`${id}: what was approved last is not shown to the node`);
    }
  }
  return faults;
}
