import { decodeFrame } from '../../bundle/frame.ts';
import type { Frame } from '../../bundle/frame.ts';
import { toHex } from '../../bundle/bytes.ts';
import type { Statement } from '../../bundle/statement.ts';
import { nameOf, sha256Hex } from './ledger.ts';
import type { Ledger, Signed, Span } from './ledger.ts';

/** Everything of one node that lies in the store at the end, by key. */
export type Objects = ReadonlyMap<string, Uint8Array>;

/** A decision in the record, as the judge reads it. */
export interface Decision {
  readonly slot: number;
  /** {@link nameOf} its signed statement. */
  readonly name: string;
  /** Of its statement, hex: what `prev` of the next one says. */
  readonly digest: string;
  readonly frame: Frame;
  readonly signed: Signed;
}

const ZEROS = '0'.repeat(64);
const MAX_BYTES = 1 << 21;
const statementOf = ({ frame }: Decision): Statement => frame.statement.statement;
const isAbsent = (digest: string): boolean => digest === ZEROS;

/**
 * Reads a record by the rules of docs/approval.md, and by nothing of the engine's: whoever signed
 * is known from the ledger, so no signature is verified, and only the layout is decoded.
 */
export function recordOf(history: ReadonlyMap<number, Uint8Array>, ledger: Ledger): Decision[] {
  const record: Decision[] = [];
  for (const slot of [...history.keys()].sort((a, b) => a - b)) {
    const frame = frameOf(history.get(slot)!, ledger);
    const name = frame && nameOf(frame.statement);
    const signed = name && ledger.signed.get(name);
    if (!frame || !signed) continue;
    const next = { slot, name, digest: toHex(frame.statement.digest), frame, signed };
    if (follows(next, record.at(-1), history)) record.push(next);
  }
  return record;
}

function frameOf(bytes: Uint8Array, ledger: Ledger): Frame | undefined {
  let frame: Frame;
  try {
    frame = decodeFrame(bytes, { maxBytes: MAX_BYTES });
  } catch {
    return undefined;
  }
  const { statement } = frame.statement;
  const isWhole = frame.bundle === undefined || sha256Hex(frame.bundle) === toHex(statement.digest);
  return isWhole && statement.node === ledger.node ? frame : undefined;
}

function follows(
  next: Decision,
  last: Decision | undefined,
  history: ReadonlyMap<number, Uint8Array>,
): boolean {
  const statement = statementOf(next);
  for (let slot = (last?.slot ?? 0) + 1; slot < next.slot; slot++) {
    if (!history.has(slot)) return false;
  }
  if (toHex(statement.prev) !== (last?.digest ?? ZEROS)) return false;
  if (last === undefined) return true;
  const before = statementOf(last);
  if (statement.seq <= before.seq || statement.keysetVersion < before.keysetVersion) return false;
  return !next.signed.self || last.signed.self || before.type === 'reconfigure';
}

/** The slots of a node's history. */
export function historyOf(objects: Objects, ledger: Ledger): Map<number, Uint8Array> {
  const prefix = `history/${ledger.node}/`;
  const slots = [...objects].filter(([key]) => key.startsWith(prefix));
  return new Map(slots.map(([key, bytes]) => [Number(key.slice(prefix.length)), bytes]));
}

/**
 * What went wrong with one node, judged from what was signed, answered and seen, and from the bytes
 * that are left when all is quiet and a repair has run. Empty if every promise was kept.
 *
 * @param keysetChangedAt when the second keyset was stored, by the ledger's clock
 */
export function judge(ledger: Ledger, objects: Objects, keysetChangedAt = Infinity): string[] {
  const record = recordOf(historyOf(objects, ledger), ledger);
  return [
    ...judgeAnswers(ledger, record),
    ...judgeRecord(record, keysetChangedAt),
    ...judgeSlots(ledger, objects),
    ...judgeBoots(ledger),
    ...(ledger.copiesAttacked ? [] : judgeSights(ledger, record)),
    ...judgeListings(ledger),
    ...judgeRest(ledger, objects, record),
  ];
}

function judgeAnswers(ledger: Ledger, record: readonly Decision[]): string[] {
  const faults: string[] = [];
  for (const forged of ledger.forgeries) {
    // The same words were decided, with good signatures: then it says nothing new.
    if (record.some(({ digest }) => digest === forged)) continue;
    faults.push(`a forgery was acknowledged: ${forged}`);
  }
  const slotOf = new Map(record.map(({ name, slot }) => [name, slot]));
  const follower = new Map<string, string>();
  for (const [name, { statement, acknowledged, maybe, planted }] of ledger.signed) {
    const prev = toHex(statement.statement.prev);
    for (const { slot } of acknowledged) {
      if (slotOf.get(name) === slot) continue;
      faults.push(`acknowledged and lost: ${name} in slot ${slot}`);
    }
    if (acknowledged.length > 0) {
      const other = follower.get(prev);
      if (other !== undefined) faults.push(`decided twice: ${other} and ${name} after ${prev}`);
      follower.set(prev, name);
    } else if (slotOf.has(name) && !maybe && !planted) {
      faults.push(`decided after every answer was a refusal: ${name}`);
    }
  }
  return faults;
}

function judgeRecord(record: readonly Decision[], keysetChangedAt: number): string[] {
  const faults: string[] = [];
  const decided = new Set<string>();
  for (const decision of record) {
    const { signed, name } = decision;
    const { decides, sentAt, planted } = signed;
    if (decides !== undefined && !planted && decided.has(decides)) {
      faults.push(`one proposal decided twice: ${decides}`);
    }
    const named = toHex(statementOf(decision).digest);
    if (!isAbsent(named)) decided.add(named);
    if (statementOf(decision).keysetVersion === 1 && sentAt > keysetChangedAt && !planted) {
      faults.push(`a removed administrator decided: ${name}`);
    }
  }
  return faults;
}

/** Nothing in `history/` is ever written over or taken away. */
function judgeSlots(ledger: Ledger, objects: Objects): string[] {
  const faults: string[] = [];
  const now = new Map(
    [...historyOf(objects, ledger)].map(([slot, bytes]) => [slot, sha256Hex(bytes)]),
  );
  const everything = [...ledger.slots, { began: Infinity, ended: Infinity, held: now }];
  for (const [i, { ended, held }] of everything.entries()) {
    const later = everything.slice(i + 1).find(({ began }) => began > ended);
    for (const [slot, hash] of held) {
      if (later === undefined || later.held.get(slot) === hash) continue;
      faults.push(`history changed in slot ${slot}`);
    }
  }
  return faults;
}

/** Whoever writes the bucket, a node applies only what was signed, and never goes back. */
function judgeBoots(ledger: Ledger): string[] {
  const faults: string[] = [];
  let newest = 0;
  for (const boot of ledger.boots) {
    if ('refused' in boot) {
      if (ledger.copiesAttacked) continue;
      faults.push(`a node was shown what it must refuse: ${boot.refused}`);
      continue;
    }
    const signed = ledger.signed.get(boot.applied);
    if (signed === undefined) {
      faults.push(`in force without an approval: ${boot.applied}`);
      continue;
    }
    const { seq } = signed.statement.statement;
    if (seq < newest) faults.push(`a node went back from seq ${newest} to ${seq}`);
    newest = Math.max(newest, seq);
  }
  return faults;
}

/** Where only the engine writes the copy: it shows entries, goes forward, and is as new as was told. */
function judgeSights(ledger: Ledger, record: readonly Decision[]): string[] {
  const faults: string[] = [];
  const entries = new Map(record.map((decision) => [decision.name, decision]));
  const told = promisesOf(ledger);
  const seen: (Span & { seq: number })[] = [];
  for (const { bytes, ...span } of ledger.sights) {
    const frame = bytes && frameOf(bytes, ledger);
    const entry = frame && entries.get(nameOf(frame.statement));
    if (bytes !== undefined && (entry === undefined || statementOf(entry).type === 'reject')) {
      faults.push('shown to a node, and not in force by its record');
      continue;
    }
    if (entry?.frame.bundle !== undefined && frame?.bundle === undefined) {
      faults.push(`shown without its bundle: ${entry.name}`);
    }
    const seq = entry === undefined ? 0 : statementOf(entry).seq;
    const before = seen.filter(({ ended }) => ended < span.began);
    if (before.some((sight) => sight.seq > seq)) faults.push(`approved/ went back to seq ${seq}`);
    if (told.some((promise) => promise.ended < span.began && promise.seq > seq)) {
      faults.push(`told that it is published, and seq ${seq} is shown`);
    }
    seen.push({ ...span, seq });
  }
  return faults;
}

/** From when on a node has to be shown at least which seq. */
function promisesOf(ledger: Ledger): { ended: number; seq: number }[] {
  const decided = [...ledger.signed.values()]
    .filter(({ statement }) => statement.statement.type !== 'reject')
    .flatMap(({ statement, acknowledged }) =>
      acknowledged.map((answer) => ({ ...answer, seq: statement.statement.seq })),
    );
  const repaired = ledger.repairs
    .filter(({ published }) => published)
    .map(({ began, ended }) => {
      const before = decided.filter((answer) => answer.ended < began);
      return { ended, seq: Math.max(0, ...before.map(({ seq }) => seq)) };
    });
  return [...decided.filter(({ published }) => published), ...repaired];
}

/** What was decided before a listing began is not offered by it. */
function judgeListings(ledger: Ledger): string[] {
  const faults: string[] = [];
  for (const { statement, acknowledged } of ledger.signed.values()) {
    const digest = toHex(statement.statement.digest);
    if (isAbsent(digest) || acknowledged.length === 0) continue;
    const since = Math.min(...acknowledged.map(({ ended }) => ended));
    const offered = ledger.listings.some(
      ({ began, asked, hidden }) => began > since && asked.has(digest) && !hidden.has(digest),
    );
    if (offered) faults.push(`a listing offered what was decided: ${digest}`);
  }
  return faults;
}

/** What lies in the store when all is quiet. */
function judgeRest(ledger: Ledger, objects: Objects, record: readonly Decision[]): string[] {
  const faults: string[] = [];
  const { node } = ledger;
  const inForce = record.findLast((decision) => statementOf(decision).type !== 'reject');
  const shown = objects.get(`approved/${node}`);
  const frame = shown && frameOf(shown, ledger);
  if (inForce !== undefined && (frame === undefined || !sameDecision(frame, inForce))) {
    faults.push(`after a repair the node is not shown ${inForce.name}`);
  }
  if (inForce === undefined && shown !== undefined && !ledger.copiesAttacked) {
    faults.push('a node is shown something, and nothing is in force');
  }
  const first = new Map(
    record.toReversed().map((entry) => [toHex(statementOf(entry).digest), entry]),
  );
  for (const [digest, bytes] of ledger.uploaded) {
    const waits = objects.get(`pending/${node}/${digest}`);
    const decision = first.get(digest);
    if (decision !== undefined && waits !== undefined) faults.push(`decided and waits: ${digest}`);
    if (decision === undefined && (waits === undefined || !sameBytes(waits, bytes))) {
      faults.push(`a waiting proposal was lost: ${digest}`);
    }
    if (decision === undefined || statementOf(decision).type !== 'reject') continue;
    // Whoever writes the bucket can put a second decision about it into the record, and then nothing
    // says any more that the first one has still to be told.
    if (record.some((entry) => entry.signed.planted && names(entry, digest))) continue;
    const told = objects.get(`rejected/${node}/${digest}`);
    const refused = told && frameOf(told, ledger)?.bundle;
    if (refused === undefined || !sameBytes(refused, bytes)) {
      faults.push(`a refused proposal was lost: ${digest}`);
    }
  }
  return faults;
}

const names = (decision: Decision, digest: string): boolean =>
  toHex(statementOf(decision).digest) === digest;

function sameDecision(frame: Frame, { name, frame: entry }: Decision): boolean {
  const whole = entry.bundle === undefined || frame.bundle !== undefined;
  return whole && nameOf(frame.statement) === name;
}

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;
