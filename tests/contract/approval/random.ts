import { expect, it } from 'vitest';
import { encodeFrame } from '../../../bundle/frame.ts';
import type { DecisionRequest } from '../../../functions/approval/demands.ts';
import { settleDecided } from '../../../functions/approval/repair.ts';
import { codeOf, hasCode } from '../../../protocol/errors.ts';
import { decidedDigests } from '../../../protocol/history.ts';
import { approvedKey, digestHex, historyKey, nodePrefix } from '../../../protocol/keys.ts';
import { pendingKey } from '../../../protocol/keys.ts';
import type { DigestHex } from '../../../protocol/keys.ts';
import { listAll } from '../../../store/port.ts';
import type { ObjectStore } from '../../../store/port.ts';
import { makeSite } from '../../support/site.ts';
import type { After, TestProposal } from '../../support/site.ts';
import { Crash, faultyStore, overwrite } from './faulty-store.ts';
import type { Fault, FaultyStore } from './faulty-store.ts';
import { makeWorld } from './world.ts';
import type { StoreUnderTest, World } from './world.ts';

const OPERATIONS = 300;
const ACTORS = 8;
const NODES = 4;
const FAULT_RATE = 0.03;
const FAULTS: readonly Fault[] = [
  ...(['crash after', 'unavailable', 'full', 'lost, done', 'lost, not done', 'late'] as const),
];
/** What an honest request may be refused with when others are quicker or the store fails. */
const REFUSALS: ReadonlySet<string> = new Set([
  ...['head_moved', 'already_decided', 'in_force', 'not_found', 'digest_mismatch'],
  ...['bad_sequence', 'approval_required', 'already_exists', 'precondition_failed'],
  ...['store_unavailable', 'store_unknown', 'store_full'],
]);

/** What is known of one statement that was signed. */
interface Signed {
  readonly request: DecisionRequest;
  /** Slots that answers named: at most one in the end. */
  readonly slots: Set<number>;
  /** An answer was lost, or somebody else brought it in: it may have been decided. */
  maybe: boolean;
}

interface Subject {
  readonly world: World;
  readonly signed: Map<DigestHex, Signed>;
  readonly uploaded: Map<DigestHex, TestProposal>;
}

/** Everything at once, with faults and somebody who writes the bucket; then the promises. */
export function randomContract(under: () => StoreUnderTest): void {
  it(`keeps its promises through ${OPERATIONS} operations at random`, async () => {
    const given = process.env['COATCHECK_SEED'];
    const seed = given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given);
    try {
      await new Run(seed, under()).run();
    } catch (error) {
      throw new Error(`run again with COATCHECK_SEED=${seed}`, { cause: error });
    }
  }, 300_000);
}

class Run {
  readonly #random: () => number;
  readonly #subjects: Subject[];
  readonly #underWay: FaultyStore[] = [];
  readonly #slotsSeen = new Map<string, string>();
  #left = OPERATIONS;

  constructor(seed: number, under: StoreUnderTest) {
    this.#random = generator(seed);
    const testSite = makeSite({ name: 'at random', approval: 'none' });
    this.#subjects = Array.from({ length: NODES }, () => ({
      world: makeWorld(under, testSite),
      signed: new Map(),
      uploaded: new Map(),
    }));
  }

  async run(): Promise<void> {
    await Promise.all(Array.from({ length: ACTORS }, () => this.#act()));
    for (const store of this.#underWay) await store.land();
    for (const subject of this.#subjects) await this.#verify(subject);
  }

  async #act(): Promise<void> {
    while (this.#left-- > 0) {
      const subject = this.#pick(this.#subjects)!;
      await this.#pick([
        ...[this.#propose, this.#propose, this.#approve, this.#approve, this.#reject],
        ...[this.#approveOwn, this.#again, this.#withdraw, this.#resend, this.#repair],
        ...[this.#list, this.#attack, this.#look],
      ])!.call(this, subject);
      if (this.#chance(0.3)) await this.#pick(this.#underWay)?.land();
    }
  }

  async #propose({ world, uploaded }: Subject): Promise<void> {
    const by = this.#chance(0.3) ? world.admins[0] : undefined;
    const proposal = await world.propose(`host-${this.#below(1e6)}`, by);
    uploaded.set(digestHex(proposal.digest), proposal);
  }

  async #approve(subject: Subject): Promise<void> {
    const proposal = await this.#waiting(subject);
    const place = await this.#place(subject);
    if (proposal === undefined) return;
    await this.#send(subject, subject.world.request({ type: 'approve', ...place, proposal }));
  }

  async #reject(subject: Subject): Promise<void> {
    const proposal = await this.#waiting(subject);
    const place = await this.#place(subject);
    if (proposal === undefined) return;
    await this.#send(subject, subject.world.request({ type: 'reject', ...place, proposal }));
  }

  async #approveOwn(subject: Subject): Promise<void> {
    const proposal = await this.#waiting(subject);
    const place = await this.#place(subject);
    if (proposal === undefined) return;
    await this.#send(subject, subject.world.ownRequest({ ...place, proposal }));
  }

  /** Renews, or rolls back to, a bundle of the history. */
  async #again(subject: Subject): Promise<void> {
    const history = await subject.world.history();
    const entry = this.#pick(history.entries.filter(({ frame }) => frame.bundle !== undefined));
    const proposal = entry?.frame.bundle;
    if (entry === undefined || proposal === undefined) return;
    const type = this.#chance(0.5) ? 'approve' : 'rollback';
    const place = await this.#place(subject);
    const from = { slot: entry.slot };
    await this.#send(subject, subject.world.request({ type, ...place, proposal, from }));
  }

  async #withdraw(subject: Subject): Promise<void> {
    const { world } = subject;
    const place = await this.#place(subject);
    if (this.#chance(0.4)) {
      await this.#send(subject, world.request({ type: 'revoke', ...place }));
      return;
    }
    const carried = (await world.history()).inForce?.frame.bundle;
    const bundle = carried && { proposal: carried };
    await this.#send(subject, world.request({ type: 'reconfigure', ...place, ...bundle }));
  }

  /** A client that did not hear the answer, or does not trust it. */
  async #resend(subject: Subject): Promise<void> {
    const known = this.#pick([...subject.signed.values()]);
    if (known !== undefined) await this.#send(subject, known.request);
  }

  async #send(subject: Subject, request: DecisionRequest): Promise<void> {
    const digest = digestHex(request.statement.digest);
    const known = subject.signed.get(digest) ?? { request, slots: new Set(), maybe: false };
    subject.signed.set(digest, known);
    try {
      const { slot } = await subject.world.decide(request, this.#store(subject));
      known.slots.add(slot);
    } catch (error) {
      if (error instanceof Crash || hasCode(error, 'store_unknown')) known.maybe = true;
      else if (!REFUSALS.has(codeOf(error))) throw error;
    }
  }

  async #repair(subject: Subject): Promise<void> {
    await bearable(subject.world.repair(this.#store(subject)));
  }

  async #list(subject: Subject): Promise<void> {
    const { site, node } = subject.world;
    const waiting = [...subject.uploaded.keys()];
    await bearable(settleDecided({ store: this.#store(subject), site, node: node.id }, waiting));
  }

  async #attack(subject: Subject): Promise<void> {
    const { world, signed, uploaded } = subject;
    const { bucket, node, site } = world;
    const history = await world.history();
    const slot = historyKey(node.id, history.nextSlot + this.#below(2));
    const junk = new Uint8Array(100).fill(this.#below(256));
    const loser = this.#pick([...signed.values()]);
    const older = this.#pick(history.entries);
    const decided = this.#pick([...uploaded.values()]);
    const shown = approvedKey(node.id);
    const attacks: (() => Promise<unknown>)[] = [
      () => bucket.create(slot, junk),
      () => overwrite(bucket, shown, junk),
    ];
    if (older) attacks.push(() => overwrite(bucket, shown, older.bytes));
    if (decided) {
      const key = pendingKey(node.id, digestHex(decided.digest));
      attacks.push(() => bucket.create(key, decided.bytes));
    }
    if (loser) {
      const { statement } = loser.request;
      const bundle = uploaded.get(digestHex(statement.statement.digest))?.bytes;
      const needsNone = ['reject', 'revoke'].includes(statement.statement.type);
      if (needsNone || bundle) {
        loser.maybe = true;
        const frame = { chain: [site.pinned], statement, ...(!needsNone && { bundle: bundle! }) };
        attacks.push(() => bucket.create(slot, encodeFrame(frame)));
      }
    }
    await bearable(this.#pick(attacks)!());
  }

  /** What was seen in a slot stays there, as it was. */
  async #look({ world }: Subject): Promise<void> {
    const now = new Map<string, string>();
    const before = new Map(this.#slotsSeen);
    const prefix = nodePrefix('history', world.node.id);
    for await (const { key } of listAll(world.bucket, prefix)) {
      now.set(key, (await world.bucket.head(key))!.etag);
    }
    for (const [key, etag] of before) {
      if (key.startsWith(prefix)) expect(now.get(key)).toBe(etag);
    }
    for (const [key, etag] of now) this.#slotsSeen.set(key, etag);
  }

  async #verify(subject: Subject): Promise<void> {
    const { world, signed, uploaded } = subject;
    await world.repair();
    await this.#look(subject);
    const history = await world.expectSettled();
    const bySlot = new Map(
      history.entries.map(({ slot, frame }) => [slot, digestHex(frame.statementDigest)]),
    );
    for (const [digest, { slots }] of signed) {
      expect(slots.size).toBeLessThanOrEqual(1);
      for (const slot of slots) expect(bySlot.get(slot)).toBe(digest);
    }
    for (const digest of bySlot.values()) {
      const known = signed.get(digest);
      expect(known !== undefined && (known.slots.size === 1 || known.maybe)).toBe(true);
    }
    const decided = decidedDigests(history);
    for (const [digest, { bytes }] of uploaded) {
      const waits = await world.bucket.get(pendingKey(world.node.id, digest), { maxBytes: 1e6 });
      expect(waits?.body).toEqual(decided.has(digest) ? undefined : bytes);
      if (decided.get(digest)?.frame.statement.type !== 'reject') continue;
      const told = await world.rejection(decided.get(digest)!.frame.statement.digest);
      expect(told?.bundle?.bytes).toEqual(bytes);
    }
  }

  async #waiting({ world, uploaded }: Subject): Promise<TestProposal | undefined> {
    const { node, bucket } = world;
    const listed = new Set<string>();
    for await (const { key } of listAll(bucket, nodePrefix('pending', node.id))) listed.add(key);
    const waiting = [...uploaded].filter(([digest]) => listed.has(pendingKey(node.id, digest)));
    return this.#pick(waiting)?.[1];
  }

  /** Where the next statement goes, as one tool sees it: some remember more than is shown. */
  async #place({ world }: Subject): Promise<{ place?: After }> {
    const { head } = await world.history();
    const jump = this.#chance(0.2) ? this.#below(50) : 0;
    const seq = (head?.frame.statement.seq ?? 0) + jump;
    const digest = head?.frame.statementDigest ?? new Uint8Array(32);
    return { place: { digest, seq } };
  }

  /** The store of one process: slow, and now and then it fails. */
  #store({ world }: Subject): ObjectStore {
    const store = faultyStore(world.store, async () => {
      for (let turns = this.#below(4); turns > 0; turns--) await new Promise(setImmediate);
      return this.#chance(FAULT_RATE) ? this.#pick(FAULTS) : undefined;
    });
    this.#underWay.push(store);
    return store;
  }

  #chance(probability: number): boolean {
    return this.#random() < probability;
  }
  #below(n: number): number {
    return Math.floor(this.#random() * n);
  }
  #pick<T>(values: readonly T[]): T | undefined {
    return values[this.#below(values.length)];
  }
}

async function bearable(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof Crash || REFUSALS.has(codeOf(error)))) throw error;
  }
}

/** Numbers from 0 to 1 that a seed gives (mulberry32). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
