import { equalBytes, utf8 } from '../../bundle/bytes.ts';
import { codeOf, hasCode } from '../../protocol/errors.ts';
import type { ObjectKey } from '../../protocol/keys.ts';
import { freshKey, LASTING, reason, remove } from './probe.ts';
import type { Finding, Lab } from './probe.ts';

const RACERS = 16;
const MAX_BYTES = 1024;

const NO_CONDITIONS =
  'this store does not keep conditions on PUT: decisions could be lost; use another store (docs/stores.md)';

/** The conditions on PUT that every decision rests on. */
export async function probeConditions(lab: Lab): Promise<Finding[]> {
  return [
    await createRace(lab),
    await replaceStale(lab),
    await replaceAbsent(lab),
    await sameEtag(lab),
  ];
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
    await remove(lab, key);
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
  const probe = `a replace with an old ETag fails, and of ${RACERS} with the right one, one wins`;
  const { admin } = lab.stores;
  try {
    await admin.create(LASTING, utf8('coatcheck doctor')).catch((error: unknown) => {
      if (!hasCode(error, 'already_exists')) throw error;
    });
    const before = (await admin.get(LASTING, { maxBytes: MAX_BYTES }))!;
    const stamp = Date.now();
    const body = (n: number): Uint8Array => utf8(`coatcheck doctor ${stamp} ${n}`);
    const attempts = await race(
      (n) => admin.replace(LASTING, body(n), before.etag),
      'precondition_failed',
    );
    const wins = attempts.filter(({ outcome }) => outcome === 'won');
    const unknown = attempts.some(({ outcome }) => outcome === 'unknown');
    if (wins.length > 1 || (wins.length === 0 && !unknown)) {
      const found = `${wins.length} of ${RACERS} won`;
      return { probe, status: 'fail', found, advice: NO_CONDITIONS };
    }
    const stored = await admin.get(LASTING, { maxBytes: MAX_BYTES });
    const isWinners = wins.every(({ racer }) => equalBytes(stored!.body, body(racer)));
    if (!isWinners) {
      return { probe, status: 'fail', found: 'an old object was read', advice: NO_CONDITIONS };
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
  const key = freshKey();
  try {
    await lab.stores.upload.replace(key, utf8('coatcheck doctor'), '0'.repeat(32));
    return { probe, status: 'fail', found: 'it made the object', advice: NO_CONDITIONS };
  } catch (error) {
    if (hasCode(error, 'precondition_failed')) return { probe, status: 'ok', found: 'refused' };
    const found = `${codeOf(error)}: ${reason(error)}`;
    return { probe, status: 'fail', found, advice: NO_CONDITIONS };
  } finally {
    await remove(lab, key);
  }
}

async function sameEtag(lab: Lab): Promise<Finding> {
  const probe = 'the ETag of a write is the one that is read';
  const { upload, admin } = lab.stores;
  const key = freshKey();
  try {
    const written = await upload.create(key, bodyOf(0));
    const got = await admin.get(key, { maxBytes: MAX_BYTES });
    const seen = await admin.head(key);
    if (got?.etag === written.etag && seen?.etag === written.etag) {
      return { probe, status: 'ok', found: 'the same' };
    }
    return {
      probe,
      status: 'fail',
      found: `PUT said ${written.etag}, GET ${got?.etag ?? 'nothing'}, HEAD ${seen?.etag ?? 'nothing'}`,
      advice:
        'conditions go by the ETag: does something between here and the store change it? Else use another store',
    };
  } catch (error) {
    return { probe, status: 'fail', found: reason(error), advice: NO_CONDITIONS };
  } finally {
    await remove(lab, key);
  }
}
