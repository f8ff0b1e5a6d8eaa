import { expect } from 'vitest';
import { equalBytes } from '../../../bundle/bytes.ts';
import { CoatcheckError } from '../../../bundle/errors.ts';
import type { VerifiedFrame } from '../../../bundle/frame.ts';
import type { Identity } from '../../../bundle/identity.ts';
import type { Keyset } from '../../../bundle/keyset.ts';
import type { Statement, StatementType } from '../../../bundle/statement.ts';
import { decide } from '../../../functions/approval/decide.ts';
import type { DecisionOutcome } from '../../../functions/approval/decide.ts';
import type { DecisionRequest } from '../../../functions/approval/demands.ts';
import { readShown } from '../../../functions/approval/publish.ts';
import { readNode } from '../../../functions/approval/record.ts';
import { repair } from '../../../functions/approval/repair.ts';
import type { RepairOutcome } from '../../../functions/approval/repair.ts';
import type { ErrorCode } from '../../../protocol/errors.ts';
import { decidedDigests, MAX_ENTRY_BYTES, verifyEntry } from '../../../protocol/history.ts';
import type { History } from '../../../protocol/history.ts';
import type { DecisionSource } from '../../../protocol/http.ts';
import { digestHex, keysetKey, nodePrefix, pendingKey } from '../../../protocol/keys.ts';
import { approvedKey, parseKey, rejectedKey } from '../../../protocol/keys.ts';
import { listAll } from '../../../store/port.ts';
import type { Fetch } from '../../../protocol/objects.ts';
import type { ObjectStore, UrlSigner } from '../../../store/port.ts';
import * as fixture from '../../support/site.ts';
import type { After, TestAdmin, TestProposal, TestSite } from '../../support/site.ts';
import { watch } from './watch.ts';
import type { Watch } from './watch.ts';

/** A store to run the contract on. */
export interface StoreUnderTest {
  /** With the rights of the admin credential: what the engine works on. */
  readonly store: ObjectStore;
  /** Everything is allowed: what an attacker may have. */
  readonly bucket: ObjectStore;
  /** What gives out and serves the URLs that nodes upload by. */
  readonly uploads: { readonly signer: UrlSigner; readonly fetch: Fetch };
}

/** A decision that somebody wants. */
export interface Wish {
  readonly type: StatementType;
  /** What it follows; nothing unless told. */
  readonly place?: After;
  readonly proposal?: TestProposal;
  /** Of an approve: `pending` unless told. */
  readonly from?: DecisionSource;
  readonly more?: Partial<Statement>;
  readonly keyset?: Keyset;
  readonly admins?: readonly TestAdmin[];
}

/** One node of a site on a store, and what happens to it. */
export interface World extends TestSite, StoreUnderTest {
  readonly node: Identity;
  readonly keyset: Keyset;
  readonly watch: Watch;
  /** Makes a proposal and uploads it. */
  propose(name: string, by?: TestAdmin): Promise<TestProposal>;
  upload(proposal: TestProposal): Promise<void>;
  request(wish: Wish): DecisionRequest;
  /** The node's own approval. */
  ownRequest(wish: Omit<Wish, 'type' | 'admins'>): DecisionRequest;
  decide(request: DecisionRequest, store?: ObjectStore): Promise<DecisionOutcome>;
  /** Approves what `name` proposes, after `place`: a step towards what a test is about. */
  approve(name: string, place?: After): Promise<{ proposal: TestProposal; place: After }>;
  /** Decides, and gives the place of what comes next. */
  next(request: DecisionRequest): Promise<After>;
  repair(store?: ObjectStore): Promise<RepairOutcome>;
  history(): Promise<History>;
  shown(): Promise<VerifiedFrame | undefined>;
  rejection(digest: Uint8Array): Promise<VerifiedFrame | undefined>;
  /** Every object of this node, key to ETag. */
  objects(): Promise<Record<string, string>>;
  /**
   * What holds whenever nobody is at work and everything was repaired: the node is shown what is in
   * force, its rejections are told, and nothing decided still waits.
   */
  expectSettled(): Promise<History>;
}

let nodes = 0;

export function makeWorld(under: StoreUnderTest, testSite: TestSite = fixture.makeSite()): World {
  const { site, admins } = testSite;
  const { bucket, uploads } = under;
  const watched = watch(under.store);
  const { keyset } = site.pinned;
  const node = fixture.makeNode(`of the contract ${++nodes}`);

  const request = (wish: Wish): DecisionRequest => {
    const { type, place, proposal, more, from } = wish;
    const signers = wish.admins ?? [admins[0]!];
    const at = wish.keyset ?? keyset;
    const digest = proposal === undefined ? {} : { digest: proposal.digest };
    const statement = fixture.makeStatement(at, node.id, type, place, { ...digest, ...more });
    const source = from ?? (type === 'approve' ? { pending: true as const } : undefined);
    return {
      statement: fixture.sign(statement, at, ...signers),
      by: 'admin',
      nodeBoxKey: node.boxKey,
      ...(source && { from: source }),
    };
  };

  const world: World = {
    ...testSite,
    ...{ bucket, uploads, node, keyset, watch: watched, store: watched.store, request },
    async propose(name, by) {
      const files = { 'etc/hostname': `${name}\n` };
      const maker = by === undefined ? {} : { by: by.identity };
      const proposal = fixture.propose({ keyset, node, files, ...maker });
      await world.upload(proposal);
      return proposal;
    },
    async upload({ bytes, digest }) {
      await bucket.create(pendingKey(node.id, digestHex(digest)), bytes);
    },
    ownRequest({ place, proposal, more, from = { pending: true }, keyset: at = keyset }) {
      const digest = proposal === undefined ? {} : { digest: proposal.digest };
      const statement = fixture.makeStatement(at, node.id, 'approve', place, {
        ...digest,
        ...more,
      });
      return { statement: fixture.signAsNode(statement, node), by: 'node', from };
    },
    decide: (wanted, store = watched.store) => decide({ store, site, node: node.id, ...wanted }),
    async next(wanted) {
      expect(await world.decide(wanted)).toMatchObject({ outcome: 'decided', published: true });
      return fixture.after(wanted.statement);
    },
    async approve(name, place) {
      const proposal = await world.propose(name);
      const wish = { type: 'approve' as const, proposal, ...(place && { place }) };
      return { proposal, place: await world.next(request(wish)) };
    },
    repair: (store = watched.store) => repair({ store, site, node: node.id }),
    history: () => readNode(bucket, site, node.id, () => true),
    shown: () => readShown({ store: bucket, site, node: node.id }),
    async rejection(digest) {
      const key = rejectedKey(node.id, digestHex(digest));
      const object = await bucket.get(key, { maxBytes: MAX_ENTRY_BYTES });
      return object && verifyEntry(object.body, site, node.id);
    },
    async objects() {
      const found: Record<string, string> = {};
      for (const prefix of ['pending', 'history', 'rejected'] as const) {
        for await (const { key } of listAll(bucket, nodePrefix(prefix, node.id))) {
          found[key] = (await bucket.head(key))!.etag;
        }
      }
      const shown = await bucket.head(approvedKey(node.id));
      return shown === undefined ? found : { ...found, [shown.key]: shown.etag };
    },
    async expectSettled() {
      watched.verify();
      const history = await world.history();
      expectShown(history, await world.shown());
      const { head } = history;
      if (head?.frame.statement.type === 'reject') {
        const told = await world.rejection(head.frame.statement.digest);
        expect(told?.statementDigest).toEqual(head.frame.statementDigest);
      }
      const decided = decidedDigests(history);
      for (const key of Object.keys(await world.objects())) {
        const parsed = parseKey(key);
        if (parsed?.prefix === 'pending') expect(decided.has(parsed.digest)).toBe(false);
      }
      if (head !== undefined) expect(await bucket.head(keysetKey(1))).toBeDefined();
      return history;
    },
  };
  return world;
}

function expectShown({ inForce }: History, shown: VerifiedFrame | undefined): void {
  expect(shown?.statement.seq).toBe(inForce?.frame.statement.seq);
  expect(shown?.statementDigest).toEqual(inForce?.frame.statementDigest);
  expect(shown?.bundle?.digest).toEqual(inForce?.frame.bundle?.digest);
}

/** Whether a record holds the statement of a request. */
export function holds(history: History, { statement }: DecisionRequest): boolean {
  return history.entries.some(({ frame }) => equalBytes(frame.statementDigest, statement.digest));
}

/** The refusal that a promise must end in. */
export async function refusalOf(promise: Promise<unknown>): Promise<CoatcheckError> {
  const error: unknown = await promise.then(
    () => new Error('it was not refused'),
    (reason: unknown) => reason,
  );
  if (error instanceof CoatcheckError) return error;
  throw error;
}

/** A refusal with this code that changed nothing. */
export async function expectRefused(
  world: World,
  request: DecisionRequest,
  code: ErrorCode,
): Promise<CoatcheckError> {
  const before = await world.objects();
  const error = await refusalOf(world.decide(request));
  expect(error.code).toBe(code);
  expect(await world.objects()).toEqual(before);
  return error;
}
