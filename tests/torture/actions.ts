import { toHex } from '../../bundle/bytes.ts';
import { CoatcheckError } from '../../bundle/errors.ts';
import { decodeFrame } from '../../bundle/frame.ts';
import type { StatementType } from '../../bundle/statement.ts';
import type { DecisionRequest } from '../../functions/approval/demands.ts';
import { codeOf } from '../../protocol/errors.ts';
import { MAX_ENTRY_BYTES } from '../../protocol/history.ts';
import type { DecisionSource } from '../../protocol/http.ts';
import { parseDigest, pendingKey } from '../../protocol/keys.ts';
import { memoryOf } from '../../protocol/verify.ts';
import { Crash } from '../contract/approval/faulty-store.ts';
import { sign, signAsNode } from '../support/site.ts';
import type { Draft } from './cast.ts';
import type { Decision } from './judge.ts';
import { nameOf, sha256Hex } from './ledger.ts';
import type { Scene } from './scene.ts';
import { nextStatement } from './signers.ts';
import { readSlots } from './stage.ts';
import type { Subject } from './subject.ts';

/** Does something about one node, and says in a word what came of it. */
export type Action = (scene: Scene, subject: Subject) => Promise<string>;

/** A node proposes, by a PUT URL. */
export const propose: Action = async (scene, subject) => {
  const draft = subject.nextDraft();
  if (draft === undefined) return 'nothing left to propose';
  await upload(scene, subject, draft);
  subject.proposes(draft);
  return 'proposed';
};

export const approve: Action = (scene, subject) => decideWaiting(scene, subject, 'approve');
export const reject: Action = (scene, subject) => decideWaiting(scene, subject, 'reject');

/** Under the policy `required` this is a forgery. */
export const approveAsNode: Action = async (scene, subject) => {
  const draft = await waiting(scene, subject);
  if (draft === undefined) return propose(scene, subject);
  const record = await scene.record(subject);
  const { statement } = nextStatement(scene, subject, record, 'approve', draft.digest);
  const signed = signAsNode(statement, subject.identity);
  const request = { statement: signed, by: 'node', from: { pending: true } } as const;
  const isAllowed = scene.cast.site.approval === 'none';
  return isAllowed ? send(scene, subject, request) : sendForged(scene, subject, request);
};

/** Renews, or rolls back to, a bundle of the record. */
export const approveAgain: Action = async (scene, subject) => {
  const record = await scene.record(subject);
  const entry = scene.random.pick(record.filter(({ frame }) => frame.bundle !== undefined));
  if (entry === undefined) return approve(scene, subject);
  const type = scene.random.chance(0.5) ? 'approve' : 'rollback';
  const { digest } = entry.frame.statement.statement;
  return decide(scene, subject, record, type, digest, { slot: entry.slot });
};

export const withdraw: Action = async (scene, subject) => {
  const record = await scene.record(subject);
  if (scene.random.chance(0.4)) return decide(scene, subject, record, 'revoke');
  const inForce = record.findLast(({ frame }) => frame.statement.statement.type !== 'reject');
  const carried = inForce?.frame.bundle && inForce.frame.statement.statement.digest;
  return decide(scene, subject, record, 'reconfigure', carried);
};

/** A client that did not hear the answer, or does not trust it. */
export const sendAgain: Action = (scene, subject) => {
  const request = scene.random.pick(subject.requests);
  return request ? send(scene, subject, request) : approve(scene, subject);
};

export const repair: Action = async (scene, subject) => {
  const [span, result] = await scene.timed(() => scene.engine.repair(recordOn(scene, subject)));
  if (typeof result === 'string') return result;
  subject.ledger.repairs.push({ ...span, published: result.published });
  return result.published ? 'published' : 'not published';
};

/** A listing of what waits. */
export const list: Action = async (scene, subject) => {
  const asked = subject.proposed.map(({ hex }) => hex);
  const record = recordOn(scene, subject);
  const [span, hidden] = await scene.timed(() =>
    scene.engine.settleDecided(record, asked.map(parseDigest)),
  );
  if (typeof hidden === 'string') return hidden;
  subject.ledger.listings.push({ ...span, asked: new Set(asked), hidden });
  return 'done';
};

/** Looks at every slot of the history. */
export const look: Action = async (scene, { ledger }) => {
  const began = scene.tick();
  const slots = await readSlots(scene.stage.bucket, ledger.node);
  const held = new Map([...slots].map(([slot, bytes]) => [slot, sha256Hex(bytes)]));
  ledger.slots.push({ began, ended: scene.tick(), held });
  return 'done';
};

/** The node boots, and remembers: one after another, as the agents of one machine do. */
export const boot: Action = (scene, subject) => {
  const booting = subject.boots.then(() => bootAlone(scene, subject));
  subject.boots = booting.catch(() => undefined);
  return booting;
};

const bootAlone: Action = async (scene, subject) => {
  const { ledger, memory } = subject;
  const { bytes, ...span } = await scene.see(subject);
  if (bytes === undefined) return 'nothing there';
  try {
    const where = 'approved' as const;
    const trust = { site: scene.cast.site, node: ledger.node, where, ...(memory && { memory }) };
    subject.memory = memoryOf(scene.engine.verifyForNode(bytes, trust));
    const { statement } = decodeFrame(bytes, { maxBytes: MAX_ENTRY_BYTES });
    ledger.boots.push({ ...span, applied: nameOf(statement) });
    return 'applied';
  } catch (error) {
    if (!(error instanceof CoatcheckError)) throw error;
    ledger.boots.push({ ...span, refused: codeOf(error) });
    return 'refused';
  }
};

/** By a PUT URL, which can only create. */
export function upload(
  { stage }: Scene,
  { ledger }: Subject,
  { hex, bytes }: Draft,
): Promise<unknown> {
  return stage.bucket.create(pendingKey(ledger.node, parseDigest(hex)), bytes);
}

/** Sends what nobody signed who may: it must be refused, whatever the store does. */
export async function sendForged(
  scene: Scene,
  subject: Subject,
  request: DecisionRequest,
): Promise<string> {
  try {
    await scene.engine.decide({ ...recordOn(scene, subject), ...request });
  } catch (error) {
    if (error instanceof Crash || error instanceof CoatcheckError) return 'refused a forgery';
    throw error;
  }
  subject.ledger.forgeries.push(toHex(request.statement.digest));
  return 'took a forgery';
}

async function decideWaiting(
  scene: Scene,
  subject: Subject,
  type: 'approve' | 'reject',
): Promise<string> {
  const draft = await waiting(scene, subject);
  if (draft === undefined) return propose(scene, subject);
  const record = await scene.record(subject);
  const from = type === 'approve' ? ({ pending: true } as const) : undefined;
  return decide(scene, subject, record, type, draft.digest, from);
}

/** An administrator decides after what the record shows. */
function decide(
  scene: Scene,
  subject: Subject,
  record: readonly Decision[],
  type: StatementType,
  digest?: Uint8Array,
  from?: DecisionSource,
): Promise<string> {
  const { statement, keyset, admin } = nextStatement(scene, subject, record, type, digest);
  return send(scene, subject, {
    statement: sign(statement, keyset.keyset, admin),
    by: 'admin',
    nodeBoxKey: subject.identity.boxKey,
    ...(from && { from }),
  });
}

async function send(scene: Scene, subject: Subject, request: DecisionRequest): Promise<string> {
  subject.requests.push(request);
  const known = subject.note(request, scene.tick());
  const record = recordOn(scene, subject);
  const [span, result] = await scene.timed(
    () => scene.engine.decide({ ...record, ...request }),
    known,
  );
  if (typeof result === 'string') return result;
  known.acknowledged.push({ ...span, slot: result.slot, published: result.published });
  return result.published ? result.outcome : `${result.outcome}, not published`;
}

/** What a process of the server works on. */
function recordOn(scene: Scene, subject: Subject): Parameters<Scene['engine']['repair']>[0] {
  return { store: scene.store(subject), site: scene.cast.site, node: subject.ledger.node };
}

async function waiting({ stage, random }: Scene, subject: Subject): Promise<Draft | undefined> {
  const found: Draft[] = [];
  for (const draft of subject.proposed) {
    const key = pendingKey(subject.ledger.node, parseDigest(draft.hex));
    if ((await stage.bucket.head(key)) !== undefined) found.push(draft);
  }
  return random.pick(found);
}
