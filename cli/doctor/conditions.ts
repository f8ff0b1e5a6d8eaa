import { equalBytes, utf8 } from '../../bundle/index.ts';
import { codeOf, hasCode } from '../../protocol/errors.ts';
import type { ObjectKey } from '../../protocol/keys.ts';
import { EMPTY_KEYS, freshKey, LASTING, reason } from './probe.ts';
import type { Finding, Lab } from './probe.ts';

const RACERS = 16;
const MAX_BYTES = 1024;

const NO_CONDITIONS =
  'this store does not keep conditions on PUT: decisions could be lost; use another store (docs/config.md, "Stores")';

/** The conditions on PUT that every decision rests on. */
export async function probeConditions(lab: Lab): Promise<Finding[]> {
  return [await createRace(lab), await replaceStale(lab), await replaceAbsent(lab)];
}

interface Attempt {
  readonly racer: number;
  readonly outcome: 'won' | 'lost' | 'unknown';
  readonly error?: unknown;
}

/** @param loses the code that a loser must be told */
async function race(
  write: (racer: number) => Promise<unknown>,
  loses: 'already_exists' | 'precondition_failed',
): Promise<Attempt[]> {
  return Promise.all(
    Array.from({ length: RACERS }, async (_, racer): Promise<Attempt> => {
      try {
        await write(racer);
        return { racer, outcome: 'won' };
      } catch (error) {
        return { racer, outcome: hasCode(error, loses) ? 'lost' : 'unknown', error };
      }
    }),
  );
}

const bodyOf = (racer: number): Uint8Array => utf8(`coatcheck doctor, racer ${racer}`);

async function createRace(lab: Lab): Promise<Finding> {
  const probe = `${RACERS} creates of one key at once: one wins`;
  const key = freshKey();
  try {
    const attempts = await race((n) => lab.stores.upload.create(key, bodyOf(n)), 'already_exists');
    return await judge(lab, probe, key, attempts);
  } finally {
    await lab.stores.admin.delete(key).catch(() => undefined);
  }
}

/** One winner, and what is stored is the winner's. A racer that was told neither may have won. */
async function judge(
  lab: Lab,
  probe: string,
  key: ObjectKey,
  attempts: readonly Attempt[],
): Promise<Finding> {
  const winners = attempts.filter(({ outcome }) => outcome === 'won');
  const unknown = attempts.filter(({ outcome }) => outcome === 'unknown');
  const denied = unknown.find(({ error }) => !hasCode(error, 'store_unknown'));
  if (denied !== undefined) {
    return {
      probe,
      status: 'fail',
      found: reason(denied.error),
      advice: 'see the permissions below',
    };
  }
  const stored = await lab.stores.admin.get(key, { maxBytes: MAX_BYTES });
  const isOf = ({ racer }: Attempt): boolean =>
    stored !== undefined && equalBytes(stored.body, bodyOf(racer));
  const isRight =
    winners.length === 1 ? isOf(winners[0]!) : winners.length === 0 && unknown.some(isOf);
  if (!isRight) {
    return { probe, status: 'fail', found: `${winners.length} won`, advice: NO_CONDITIONS };
  }
  const told = unknown.length === 0 ? '' : `, ${unknown.length} were told neither`;
  return { probe, status: 'ok', found: `one won${told}` };
}

async function replaceStale(lab: Lab): Promise<Finding> {
  const probe = 'a replace with an old ETag fails, and of 16 with the right one, one wins';
  const { admin } = lab.stores;
  try {
    const before =
      (await admin.head(LASTING)) ?? (await admin.create(LASTING, utf8('coatcheck doctor')));
    const stamp = Date.now();
    const body = (n: number): Uint8Array => utf8(`coatcheck doctor ${stamp} ${n}`);
    const attempts = await race(
      (n) => admin.replace(LASTING, body(n), before.etag),
      'precondition_failed',
    );
    const wins = attempts.filter(({ outcome }) => outcome === 'won').length;
    const unknown = attempts.some(({ outcome }) => outcome === 'unknown');
    if (wins > 1 || (wins === 0 && !unknown)) {
      return { probe, status: 'fail', found: `${wins} of ${RACERS} won`, advice: NO_CONDITIONS };
    }
    await admin.replace(LASTING, utf8('stale'), before.etag);
    return { probe, status: 'fail', found: 'the old ETag was accepted', advice: NO_CONDITIONS };
  } catch (error) {
    if (hasCode(error, 'precondition_failed')) return { probe, status: 'ok', found: 'refused' };
    return { probe, status: 'fail', found: reason(error), advice: NO_CONDITIONS };
  }
}

async function replaceAbsent(lab: Lab): Promise<Finding> {
  const probe = 'a replace of what is not there fails';
  const key = EMPTY_KEYS.approved;
  try {
    await lab.stores.admin.replace(key, utf8('coatcheck doctor'), '0'.repeat(32));
    return { probe, status: 'fail', found: `it made ${key}`, advice: NO_CONDITIONS };
  } catch (error) {
    if (hasCode(error, 'precondition_failed')) return { probe, status: 'ok', found: 'refused' };
    return {
      probe,
      status: 'fail',
      found: `${codeOf(error)}: ${reason(error)}`,
      advice: NO_CONDITIONS,
    };
  }
}
