import { encodeFrame } from '../../bundle/frame.ts';
import type { SignedKeyset } from '../../bundle/keyset.ts';
import type { SignedStatement, Statement, StatementType } from '../../bundle/statement.ts';
import type { DecisionRequest } from '../../functions/approval/demands.ts';
import { makeStatement, sign } from '../support/site.ts';
import type { TestAdmin } from '../support/site.ts';
import type { Decision } from './judge.ts';
import type { Scene } from './scene.ts';
import type { Subject } from './subject.ts';

/** A statement, and who would sign it. */
export interface Unsigned {
  readonly statement: Statement;
  readonly keyset: SignedKeyset;
  readonly admin: TestAdmin;
}

/**
 * What follows the record, as one tool sees it: some remember more than it shows, and some have not
 * heard of the newest keyset.
 */
export function nextStatement(
  scene: Scene,
  { identity }: Subject,
  record: readonly Decision[],
  type: StatementType,
  digest?: Uint8Array,
): Unsigned {
  const { random } = scene;
  const { site, ada, bob, secondKeyset } = scene.cast;
  const isChanged = scene.keysetChangedAt < Infinity && random.chance(0.8);
  const keyset = isChanged ? secondKeyset : site.pinned;
  const head = record.at(-1)?.frame.statement;
  const jump = random.chance(0.2) ? random.below(50) : 0;
  const place = head && { digest: head.digest, seq: head.statement.seq };
  const seq = (place?.seq ?? 0) + 1 + jump;
  const more = { seq, ...(digest && { digest }) };
  const statement = makeStatement(keyset.keyset, identity.id, type, place, more);
  return { statement, keyset, admin: isChanged ? bob : ada };
}

/** A request that nobody signed who may: a stranger, nobody, a removed one, about something else. */
export function forgedRequest(
  scene: Scene,
  subject: Subject,
  record: readonly Decision[],
): DecisionRequest {
  const { site, ada, bob, mallory, secondKeyset, nodes } = scene.cast;
  const { id, boxKey: nodeBoxKey } = subject.identity;
  const draft = scene.random.pick(subject.proposed);
  const type = draft ? 'approve' : 'revoke';
  const { statement } = nextStatement(scene, subject, record, type, draft?.digest);
  const v1 = { ...statement, keysetVersion: 1 };
  const v2 = { ...statement, keysetVersion: 2 };
  const asAda = { identity: mallory.identity, key: ada.key };
  const asBob = { identity: ada.identity, key: bob.key };
  const other = nodes.find(({ identity }) => identity.id !== id)!.identity.id;
  const signed = scene.random.pick<SignedStatement>([
    sign(v1, site.pinned.keyset, asAda),
    sign(v1, site.pinned.keyset),
    sign(v2, secondKeyset.keyset, asBob),
    sign({ ...v1, site: new Uint8Array(16).fill(9) }, site.pinned.keyset, ada),
    sign({ ...v1, node: other }, site.pinned.keyset, ada),
  ]);
  const from = draft && ({ pending: true } as const);
  return { statement: signed, by: 'admin', nodeBoxKey, ...(from && { from }) };
}

/** An entry with this statement; undefined if it needs a bundle that is not at hand. */
export function frameOf(
  scene: Scene,
  subject: Subject,
  statement: SignedStatement,
): Uint8Array | undefined {
  const { site, secondKeyset } = scene.cast;
  const { type, digest, keysetVersion } = statement.statement;
  const chain = keysetVersion === 1 ? [site.pinned] : [site.pinned, secondKeyset];
  if (type === 'reject' || type === 'revoke') return encodeFrame({ chain, statement });
  const bundle = subject.bundleOf(digest);
  return bundle && encodeFrame({ chain, statement, bundle });
}
