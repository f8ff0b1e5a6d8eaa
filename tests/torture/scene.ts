import { encodeSignedKeyset } from '../../bundle/keyset.ts';
import { codeOf, hasCode } from '../../protocol/errors.ts';
import { MAX_ENTRY_BYTES } from '../../protocol/history.ts';
import { approvedKey, keysetKey } from '../../protocol/keys.ts';
import type { ObjectStore } from '../../store/port.ts';
import { Crash, faultyStore } from '../contract/approval/faulty-store.ts';
import type { Fault, FaultyStore } from '../contract/approval/faulty-store.ts';
import type { Random } from '../support/random.ts';
import type { Cast } from './cast.ts';
import type { Engine } from './engine.ts';
import { recordOf } from './judge.ts';
import type { Decision } from './judge.ts';
import type { Sight, Span } from './ledger.ts';
import { readSlots } from './stage.ts';
import type { Stage } from './stage.ts';
import type { Subject } from './subject.ts';

/** How many turns of the event loop a call may wait before it is sent. */
const SHORT_STALL_TURNS = 4;
/** Long enough for others to decide meanwhile. */
const LONG_STALL_TURNS = 100;
const LONG_STALL_RATE = 0.05;
const FAULTS: readonly [Fault, ...Fault[]] = [
  ...(['crash after', 'unavailable', 'full', 'lost, done', 'lost, not done'] as const),
  ...(['late', 'twice', 'again, late'] as const),
];
/** What an honest request may be refused with when others are quicker or the store fails. */
const REFUSALS: ReadonlySet<string> = new Set([
  ...['head_moved', 'already_decided', 'in_force', 'not_found', 'digest_mismatch', 'bad_signer'],
  ...['bad_sequence', 'approval_required', 'already_exists', 'precondition_failed'],
  ...['stale_keyset', 'store_unavailable', 'store_unknown', 'store_full'],
]);

/** How often each thing happened. */
export type Tally = Record<string, number>;

export interface SceneOptions {
  readonly cast: Cast;
  readonly stage: Stage;
  readonly engine: Engine;
  readonly random: Random;
  /** Of each call of the engine to the store. */
  readonly faultRate: number;
}

/** Where one generation plays: its store, its clock, its chance, and what everybody can do there. */
export class Scene {
  readonly cast: Cast;
  readonly stage: Stage;
  readonly engine: Engine;
  readonly random: Random;
  readonly tally: Tally = {};
  /** When the second keyset was stored. */
  keysetChangedAt = Infinity;
  readonly #faultRate: number;
  readonly #underWay: FaultyStore[] = [];
  #now = 0;

  constructor({ cast, stage, engine, random, faultRate }: SceneOptions) {
    this.cast = cast;
    this.stage = stage;
    this.engine = engine;
    this.random = random;
    this.#faultRate = faultRate;
  }

  count(what: string, n = 1): void {
    this.tally[what] = (this.tally[what] ?? 0) + n;
  }

  /** The next moment of the ledgers' clock. */
  tick(): number {
    return ++this.#now;
  }

  async changeKeyset(): Promise<void> {
    await this.stage.bucket.create(keysetKey(2), encodeSignedKeyset(this.cast.secondKeyset));
    this.keysetChangedAt = this.tick();
  }

  /** The record of a node as it lies in the bucket. */
  async record({ ledger }: Subject): Promise<Decision[]> {
    return recordOf(await readSlots(this.stage.bucket, ledger.node), ledger);
  }

  /** Looks at what a node is shown. */
  async see({ ledger }: Subject): Promise<Sight> {
    const began = this.tick();
    const key = approvedKey(ledger.node);
    const object = await this.stage.bucket.get(key, { maxBytes: MAX_ENTRY_BYTES });
    const sight = { began, ended: this.tick(), bytes: object?.body };
    ledger.sights.push(sight);
    return sight;
  }

  /**
   * When the work was done, and what it gave, or the reason in a word: death, not known, a refusal.
   * @param request learns that its outcome is not known
   */
  async timed<T>(
    work: () => Promise<T>,
    request?: { maybe: boolean },
  ): Promise<[Span, T | string]> {
    const began = this.tick();
    try {
      const result = await work();
      return [{ began, ended: this.tick() }, result];
    } catch (error) {
      const span = { began, ended: this.tick() };
      if (error instanceof Crash || hasCode(error, 'store_unknown')) {
        if (request !== undefined) request.maybe = true;
        return [span, error instanceof Crash ? 'died' : 'store_unknown'];
      }
      if (!REFUSALS.has(codeOf(error))) throw error;
      return [span, codeOf(error)];
    }
  }

  /**
   * The store of one process: slow, and now and then it fails. What it is done writing to `approved/`
   * is looked at there and then.
   */
  store(subject: Subject): ObjectStore {
    const { store } = this.stage;
    const seen = async <T>(key: string, done: Promise<T>): Promise<T> => {
      const result = await done;
      if (key.startsWith('approved/')) await this.see(subject);
      return result;
    };
    const watched: ObjectStore = {
      ...store,
      create: (key, body) => seen(key, store.create(key, body)),
      replace: (key, body, etag) => seen(key, store.replace(key, body, etag)),
    };
    const faulty = faultyStore(watched, () => this.#stallAndFail());
    this.#underWay.push(faulty);
    return faulty;
  }

  async #stallAndFail(): Promise<Fault | undefined> {
    const { random } = this;
    const longest = random.chance(LONG_STALL_RATE) ? LONG_STALL_TURNS : SHORT_STALL_TURNS;
    for (let turns = random.below(longest); turns > 0; turns--) await new Promise(setImmediate);
    if (!random.chance(this.#faultRate)) return undefined;
    const fault = random.pick(FAULTS);
    this.count(`fault: ${fault}`);
    return fault;
  }

  /** Lets arrive what is late, of one process and on the wire. */
  async land(): Promise<void> {
    await this.random.pick(this.#underWay)?.land();
    await this.stage.wire?.settle();
  }

  /** Lets everything arrive; from now on nothing goes wrong. */
  async calm(): Promise<void> {
    for (const store of this.#underWay) await store.land();
    this.stage.wire?.calm();
    await this.stage.wire?.settle();
  }
}
