import { decodeFrame, encodeFrame } from '../../bundle/frame.ts';
import { encodeSignedKeyset } from '../../bundle/keyset.ts';
import type { SignedStatement, StatementType } from '../../bundle/statement.ts';
import { equalBytes, toHex } from '../../bundle/bytes.ts';
import { CoatcheckError } from '../../bundle/errors.ts';
import type { DecisionRequest } from '../../functions/approval/demands.ts';
import { readNode } from '../../functions/approval/record.ts';
import { codeOf, hasCode } from '../../protocol/errors.ts';
import type { DecisionSource } from '../../protocol/http.ts';
import { MAX_ENTRY_BYTES } from '../../protocol/history.ts';
import {
  approvedKey,
  historyKey,
  keysetKey,
  parseDigest,
  pendingKey,
} from '../../protocol/keys.ts';
import { memoryOf } from '../../protocol/verify.ts';
import type { ObjectStore } from '../../store/port.ts';
import { Crash, faultyStore, overwrite } from '../contract/approval/faulty-store.ts';
import type { Fault, FaultyStore } from '../contract/approval/faulty-store.ts';
import type { Random } from '../support/random.ts';
import { makeStatement, sign, signAsNode } from '../support/site.ts';
import type { TestAdmin } from '../support/site.ts';
import type { Cast, Draft } from './cast.ts';
import type { Engine } from './engine.ts';
import { historyOf, judge, recordOf } from './judge.ts';
import type { Decision } from './judge.ts';
import { nameOf, sha256Hex } from './ledger.ts';
import type { Sight, Span } from './ledger.ts';
import { readObjects, readSlots } from './stage.ts';
import type { Stage } from './stage.ts';
import { Subject } from './subject.ts';

const ACTORS = 8;
/** How many turns of the event loop a call may wait before it is sent. */
const SHORT_STALL_TURNS = 4;
/** Long enough for others to decide meanwhile. */
const LONG_STALL_TURNS = 100;
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

export interface GenerationOptions {
  readonly cast: Cast;
  readonly stage: Stage;
  readonly engine: Engine;
  readonly random: Random;
  readonly operations: number;
  /** Of each call to the store. */
  readonly faultRate: number;
}

/** What happened, for the report. */
export interface Tally {
  [what: string]: number;
}

/**
 * One store, a few nodes, and everybody at work on them at once: nodes that propose and boot,
 * administrators of whom some remember more and some know less, repairers, processes that die, a
 * store that fails, somebody who writes the bucket, and a change of the keyset. Then the judge.
 */
export class Generation {
  readonly transcript: string[] = [];
  readonly tally: Tally = {};
  readonly #options: GenerationOptions;
  readonly #random: Random;
  readonly #subjects: Subject[];
  readonly #underWay: FaultyStore[] = [];
  readonly #changeKeysetAt: number;
  #keysetChangedAt = Infinity;
  #now = 0;
  #begun = 0;

  constructor(options: GenerationOptions) {
    this.#options = options;
    this.#random = options.random;
    this.#subjects = options.cast.nodes.map(
      ({ identity, drafts }) => new Subject(identity, drafts, this.#random.chance(0.5)),
    );
    // In every other generation it is never reached.
    this.#changeKeysetAt = this.#random.below(2 * options.operations);
  }

  /** Everything that went wrong; empty if every promise was kept. */
  async run(): Promise<string[]> {
    await Promise.all(Array.from({ length: ACTORS }, () => this.#act()));
    for (const store of this.#underWay) await store.land();
    this.#options.stage.wire?.calm();
    await this.#options.stage.wire?.settle();
    const faults: string[] = [];
    for (const subject of this.#subjects) faults.push(...(await this.#judge(subject)));
    return faults;
  }

  async #act(): Promise<void> {
    const { operations } = this.#options;
    while (this.#begun < operations) {
      const n = ++this.#begun;
      if (n === this.#changeKeysetAt) await this.#changeKeyset();
      const which = this.#random.below(this.#subjects.length);
      const name = this.#random.pick(ACTIONS);
      const result = await this.#actions[name](this.#subjects[which]!);
      this.#count(`${name}: ${result}`);
      this.transcript.push(`${n} ${name} ${which}: ${result}`);
      if (!this.#random.chance(0.3)) continue;
      await this.#random.pick(this.#underWay)?.land();
      await this.#options.stage.wire?.settle();
    }
  }

  readonly #actions: Record<Action, (subject: Subject) => Promise<string>> = {
    propose: (subject) => this.#propose(subject),
    approve: (subject) => this.#decideWaiting(subject, 'approve'),
    reject: (subject) => this.#decideWaiting(subject, 'reject'),

    'approve as node': async (subject) => {
      const draft = await this.#waiting(subject);
      if (draft === undefined) return this.#propose(subject);
      const record = await this.#record(subject);
      const { statement } = this.#statement(subject, record, 'approve', draft.digest);
      const signed = signAsNode(statement, subject.identity);
      const request = { statement: signed, by: 'node', from: { pending: true } } as const;
      if (this.#options.cast.site.approval === 'none') return this.#send(subject, request);
      return this.#sendForged(subject, request);
    },

    'approve again': async (subject) => {
      const record = await this.#record(subject);
      const entry = this.#random.pick(record.filter(({ frame }) => frame.bundle !== undefined));
      if (entry === undefined) return this.#decideWaiting(subject, 'approve');
      const type = this.#random.chance(0.5) ? 'approve' : 'rollback';
      const { digest } = entry.frame.statement.statement;
      return this.#decide(subject, record, type, digest, { slot: entry.slot });
    },

    withdraw: async (subject) => {
      const record = await this.#record(subject);
      if (this.#random.chance(0.4)) return this.#decide(subject, record, 'revoke');
      const inForce = record.findLast(({ frame }) => frame.statement.statement.type !== 'reject');
      const carried = inForce?.frame.bundle && inForce.frame.statement.statement.digest;
      return this.#decide(subject, record, 'reconfigure', carried);
    },

    'send again': async (subject) => {
      const request = this.#random.pick(subject.requests);
      return request ? this.#send(subject, request) : this.#decideWaiting(subject, 'approve');
    },

    repair: async (subject) => {
      const { engine, cast } = this.#options;
      const [span, result] = await this.#timed(() =>
        engine.repair({ store: this.#store(subject), site: cast.site, node: subject.identity.id }),
      );
      if (typeof result === 'string') return result;
      subject.ledger.repairs.push({ ...span, published: result.published });
      return result.published ? 'published' : 'not published';
    },

    list: async (subject) => {
      const { engine, cast } = this.#options;
      const record = { store: this.#store(subject), site: cast.site, node: subject.identity.id };
      const asked = subject.proposed.map(({ hex }) => hex);
      const [span, hidden] = await this.#timed(() =>
        engine.settleDecided(record, asked.map(parseDigest)),
      );
      if (typeof hidden === 'string') return hidden;
      subject.ledger.listings.push({ ...span, asked: new Set(asked), hidden });
      return 'done';
    },

    boot: (subject) => this.#boot(subject),
    look: (subject) => this.#look(subject),
    attack: (subject) => this.#attack(subject),
  };

  async #propose(subject: Subject): Promise<string> {
    const draft = subject.nextDraft();
    if (draft === undefined) return 'nothing left to propose';
    await this.#upload(subject, draft);
    subject.proposes(draft);
    return 'proposed';
  }

  async #decideWaiting(subject: Subject, type: 'approve' | 'reject'): Promise<string> {
    const draft = await this.#waiting(subject);
    if (draft === undefined) return this.#propose(subject);
    const record = await this.#record(subject);
    const from = type === 'approve' ? ({ pending: true } as const) : undefined;
    return this.#decide(subject, record, type, draft.digest, from);
  }

  /** An administrator decides after what the record shows. */
  #decide(
    subject: Subject,
    record: readonly Decision[],
    type: StatementType,
    digest?: Uint8Array,
    from?: DecisionSource,
  ): Promise<string> {
    const { statement, keyset, admin } = this.#statement(subject, record, type, digest);
    return this.#send(subject, {
      statement: sign(statement, keyset.keyset, admin),
      by: 'admin',
      nodeBoxKey: subject.identity.boxKey,
      ...(from && { from }),
    });
  }

  /** Some remember more than the record shows, and some have not heard of the newest keyset. */
  #statement(
    { identity }: Subject,
    record: readonly Decision[],
    type: StatementType,
    digest?: Uint8Array,
  ) {
    const { site, ada, bob, secondKeyset } = this.#options.cast;
    const isChanged = this.#keysetChangedAt < Infinity && this.#random.chance(0.8);
    const keyset = isChanged ? secondKeyset : site.pinned;
    const admin: TestAdmin = isChanged ? bob : ada;
    const head = record.at(-1)?.frame.statement;
    const jump = this.#random.chance(0.2) ? this.#random.below(50) : 0;
    const place = head && { digest: head.digest, seq: head.statement.seq };
    const seq = (place?.seq ?? 0) + 1 + jump;
    const more = { seq, ...(digest && { digest }) };
    const statement = makeStatement(keyset.keyset, identity.id, type, place, more);
    return { statement, keyset, admin };
  }

  async #send(subject: Subject, request: DecisionRequest): Promise<string> {
    subject.requests.push(request);
    const known = subject.note(request, ++this.#now);
    const [span, result] = await this.#timed(() => this.#ask(subject, request), known);
    if (typeof result === 'string') return result;
    known.acknowledged.push({ ...span, slot: result.slot, published: result.published });
    return result.published ? result.outcome : `${result.outcome}, not published`;
  }

  #ask(subject: Subject, request: DecisionRequest) {
    const { engine, cast } = this.#options;
    const record = { store: this.#store(subject), site: cast.site, node: subject.identity.id };
    return engine.decide({ ...record, ...request });
  }

  /** What nobody signed who may: it must be refused, whatever the store does. */
  async #sendForged(subject: Subject, request: DecisionRequest): Promise<string> {
    try {
      await this.#ask(subject, request);
    } catch (error) {
      if (error instanceof Crash || error instanceof CoatcheckError) return 'refused a forgery';
      throw error;
    }
    subject.ledger.forgeries.push(toHex(request.statement.digest));
    return 'took a forgery';
  }

  /** When it ran, and what it gave, or the reason in a word: death, not known, or a refusal. */
  async #timed<T>(
    work: () => Promise<T>,
    request?: { maybe: boolean },
  ): Promise<[Span, T | string]> {
    const began = ++this.#now;
    try {
      const result = await work();
      return [{ began, ended: ++this.#now }, result];
    } catch (error) {
      const span = { began, ended: ++this.#now };
      if (error instanceof Crash || hasCode(error, 'store_unknown')) {
        if (request !== undefined) request.maybe = true;
        return [span, error instanceof Crash ? 'died' : 'store_unknown'];
      }
      if (!REFUSALS.has(codeOf(error))) throw error;
      return [span, codeOf(error)];
    }
  }

  /** Reads what the node is shown. */
  async #see({ ledger }: Subject): Promise<Sight> {
    const { bucket } = this.#options.stage;
    const began = ++this.#now;
    const object = await bucket.get(approvedKey(ledger.node), { maxBytes: MAX_ENTRY_BYTES });
    const sight = { began, ended: ++this.#now, bytes: object?.body };
    ledger.sights.push(sight);
    return sight;
  }

  /** One after another, as the agents of one machine do. */
  #boot(subject: Subject): Promise<string> {
    const boot = subject.boots.then(() => this.#bootAlone(subject));
    subject.boots = boot.catch(() => undefined);
    return boot;
  }

  async #bootAlone(subject: Subject): Promise<string> {
    const { engine, cast } = this.#options;
    const { id: node } = subject.identity;
    const { ledger, memory } = subject;
    const { bytes, ...span } = await this.#see(subject);
    if (bytes === undefined) return 'nothing there';
    try {
      const where = 'approved' as const;
      const trust = { site: cast.site, node, where, ...(memory && { memory }) };
      const frame = engine.verifyForNode(bytes, trust);
      subject.memory = memoryOf(frame);
      const { statement } = decodeFrame(bytes, { maxBytes: MAX_ENTRY_BYTES });
      ledger.boots.push({ ...span, applied: nameOf(statement) });
      return 'applied';
    } catch (error) {
      if (!(error instanceof CoatcheckError)) throw error;
      ledger.boots.push({ ...span, refused: codeOf(error) });
      return 'refused';
    }
  }

  async #look({ identity, ledger }: Subject): Promise<string> {
    const began = ++this.#now;
    const slots = await readSlots(this.#options.stage.bucket, identity.id);
    const held = new Map([...slots].map(([slot, bytes]) => [slot, sha256Hex(bytes)]));
    ledger.slots.push({ began, ended: ++this.#now, held });
    return 'done';
  }

  /** Somebody who writes the bucket. */
  async #attack(subject: Subject): Promise<string> {
    const { bucket } = this.#options.stage;
    const { identity, ledger } = subject;
    const slots = await readSlots(bucket, identity.id);
    const record = recordOf(slots, ledger);
    let free = (record.at(-1)?.slot ?? 0) + 1;
    while (slots.has(free)) free++;
    const slot = historyKey(identity.id, free + this.#random.below(2));
    const junk = new Uint8Array(100).fill(this.#random.below(256));
    const shown = approvedKey(identity.id);
    const attacks: Record<string, () => Promise<unknown>> = {
      'junk in a slot': () => bucket.create(slot, junk),
      'a forgery in a slot': () => bucket.create(slot, this.#forge(subject, record)),
      'a forged request': () => this.#sendForged(subject, this.#forgeRequest(subject, record)),
    };
    const uploaded = this.#random.pick(subject.proposed);
    if (uploaded !== undefined) attacks['an upload again'] = () => this.#upload(subject, uploaded);
    const stolen = this.#random.pick(subject.requests);
    const frame = stolen && this.#frameOf(subject, stolen.statement);
    if (frame !== undefined) {
      const known = ledger.signed.get(nameOf(stolen!.statement))!;
      attacks['a signed statement in a slot'] = () => {
        known.planted = true;
        return bucket.create(slot, frame);
      };
    }
    if (ledger.copiesAttacked) {
      const older = this.#random.pick(record);
      attacks['junk shown'] = () => overwrite(bucket, shown, junk);
      attacks['a forgery shown'] = () => overwrite(bucket, shown, this.#forge(subject, record));
      attacks['nothing shown'] = () => bucket.delete(shown);
      if (older)
        attacks['an older entry shown'] = () => overwrite(bucket, shown, encodeFrame(older.frame));
    }
    const name = this.#random.pick(Object.keys(attacks))!;
    try {
      await attacks[name]!();
      return name.endsWith('shown') ? `${name}: ${await this.#boot(subject)}` : name;
    } catch (error) {
      if (hasCode(error, 'already_exists', 'precondition_failed')) return `${name}, too late`;
      throw error;
    }
  }

  /** The frame of a statement that somebody signed, with its bundle, where that is at hand. */
  #frameOf(subject: Subject, statement: SignedStatement): Uint8Array | undefined {
    const { site, secondKeyset } = this.#options.cast;
    const { type, digest, keysetVersion } = statement.statement;
    const chain = keysetVersion === 1 ? [site.pinned] : [site.pinned, secondKeyset];
    if (type === 'reject' || type === 'revoke') return encodeFrame({ chain, statement });
    const bundle = subject.bundleOf(digest);
    return bundle && encodeFrame({ chain, statement, bundle });
  }

  /** Approved by nobody who may: a stranger, of another site, or with other bytes. */
  #forgeRequest(subject: Subject, record: readonly Decision[]): DecisionRequest {
    const { site, ada, bob, mallory, secondKeyset } = this.#options.cast;
    const draft = this.#random.pick(subject.proposed);
    const type = draft ? 'approve' : 'revoke';
    const { statement } = this.#statement(subject, record, type, draft?.digest);
    const asAda = { identity: mallory.identity, key: ada.key };
    const asBob = { identity: ada.identity, key: bob.key };
    const v1 = { ...statement, keysetVersion: 1 };
    const v2 = { ...statement, keysetVersion: 2 };
    const signed = this.#random.pick<SignedStatement>([
      sign(v1, site.pinned.keyset, asAda),
      sign(v1, site.pinned.keyset),
      sign(v2, secondKeyset.keyset, asBob),
      sign({ ...v1, site: new Uint8Array(16).fill(9) }, site.pinned.keyset, ada),
      sign({ ...v1, node: this.#otherNode(subject) }, site.pinned.keyset, ada),
    ]);
    const from = draft && ({ pending: true } as const);
    const { boxKey: nodeBoxKey } = subject.identity;
    return { statement: signed, by: 'admin', nodeBoxKey, ...(from && { from }) };
  }

  #forge(subject: Subject, record: readonly Decision[]): Uint8Array {
    const { site, secondKeyset } = this.#options.cast;
    const { statement } = this.#forgeRequest(subject, record);
    const { keysetVersion, digest } = statement.statement;
    const chain = keysetVersion === 1 ? [site.pinned] : [site.pinned, secondKeyset];
    const bundle = subject.bundleOf(digest);
    return encodeFrame({ chain, statement, ...(bundle && { bundle }) });
  }

  #otherNode({ identity }: Subject) {
    return this.#options.cast.nodes
      .map((node) => node.identity.id)
      .find((id) => id !== identity.id)!;
  }

  async #changeKeyset(): Promise<void> {
    const { stage, cast } = this.#options;
    await stage.bucket.create(keysetKey(2), encodeSignedKeyset(cast.secondKeyset));
    this.#keysetChangedAt = ++this.#now;
  }

  /** By a PUT URL, which can only create. */
  #upload({ identity }: Subject, { hex, bytes }: Draft): Promise<unknown> {
    return this.#options.stage.bucket.create(pendingKey(identity.id, parseDigest(hex)), bytes);
  }

  async #waiting(subject: Subject): Promise<Draft | undefined> {
    const { bucket } = this.#options.stage;
    const waiting: Draft[] = [];
    for (const draft of subject.proposed) {
      const key = pendingKey(subject.identity.id, parseDigest(draft.hex));
      if ((await bucket.head(key)) !== undefined) waiting.push(draft);
    }
    return this.#random.pick(waiting);
  }

  async #record({ identity, ledger }: Subject): Promise<Decision[]> {
    return recordOf(await readSlots(this.#options.stage.bucket, identity.id), ledger);
  }

  /**
   * The store of one process: slow, and now and then it fails. What it is done writing to `approved/`
   * is looked at there and then.
   */
  #store(subject: Subject): ObjectStore {
    const { stage, faultRate } = this.#options;
    const seen = async <T>(key: string, done: Promise<T>): Promise<T> => {
      const result = await done;
      if (key.startsWith('approved/')) await this.#see(subject);
      return result;
    };
    const watched: ObjectStore = {
      ...stage.store,
      create: (key, body) => seen(key, stage.store.create(key, body)),
      replace: (key, body, etag) => seen(key, stage.store.replace(key, body, etag)),
    };
    const store = faultyStore(watched, async () => {
      const longest = this.#random.chance(0.05) ? LONG_STALL_TURNS : SHORT_STALL_TURNS;
      for (let turns = this.#random.below(longest); turns > 0; turns--) {
        await new Promise(setImmediate);
      }
      if (!this.#random.chance(faultRate)) return undefined;
      const fault = this.#random.pick(FAULTS);
      this.#count(`fault: ${fault}`);
      return fault;
    });
    this.#underWay.push(store);
    return store;
  }

  async #judge(subject: Subject): Promise<string[]> {
    const { cast, stage, engine } = this.#options;
    const { ledger, identity } = subject;
    const faults: string[] = [];
    const record = { store: stage.store, site: cast.site, node: identity.id };
    try {
      await engine.repair(record);
      await this.#boot(subject);
    } catch (error) {
      faults.push(`a repair of a quiet store failed: ${codeOf(error)}`);
    }
    const objects = await readObjects(stage.bucket, identity.id);
    faults.push(...judge(ledger, objects, this.#keysetChangedAt));
    const ours = recordOf(historyOf(objects, ledger), ledger);
    const { entries } = await readNode(stage.bucket, cast.site, identity.id);
    const agree =
      entries.length === ours.length &&
      entries.every(
        ({ slot, frame }, i) =>
          slot === ours[i]!.slot &&
          equalBytes(frame.statementDigest, ours[i]!.frame.statement.digest),
      );
    if (!agree) faults.push('the engine reads another record than the judge');
    this.#count('decisions in the record', ours.length);
    return faults;
  }

  #count(what: string, n = 1): void {
    this.tally[what] = (this.tally[what] ?? 0) + n;
  }
}

const ACTIONS = [
  ...([
    'propose',
    'propose',
    'approve',
    'approve',
    'approve',
    'reject',
    'approve as node',
  ] as const),
  ...(['approve again', 'withdraw', 'send again', 'repair', 'list', 'boot', 'look'] as const),
  'attack',
] as const;
type Action = (typeof ACTIONS)[number];
