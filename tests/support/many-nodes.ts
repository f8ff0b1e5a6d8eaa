import { planApproveMany, signMany } from '../../admin/many.ts';
import type { Session } from '../../admin/session.ts';
import { fromHex, toHex } from '../../bundle/bytes.ts';
import type { Identity, Metadata } from '../../bundle/index.ts';
import { parseDigest, pendingKey } from '../../protocol/keys.ts';
import type { Desk } from './cli.ts';
import { makeNode, propose, SETTINGS } from './site.ts';

/** A machine of which there are many, and what is in force for it. */
export interface One {
  readonly node: Identity;
  readonly name: string;
  /** of the decision in force, 32 bytes */
  readonly base?: Uint8Array;
}

/** Puts a proposal where it waits, without asking a server: of many that would take long. @returns its digest */
export async function waits(
  { site, store }: Pick<Desk, 'site' | 'store'>,
  { node, name, base }: One,
  files: Readonly<Record<string, string>>,
  metadata: Metadata = {},
): Promise<string> {
  const { bytes, digest } = propose({
    ...{ keyset: site.pinned.keyset, node, files },
    metadata: { ...SETTINGS, hostname: name, ...metadata },
    ...(base && { base }),
  });
  await store.create(pendingKey(node.id, parseDigest(toHex(digest))), bytes);
  return toHex(digest);
}

/** So many machines, each with its files in force. */
export async function fleet(
  desk: Pick<Desk, 'site' | 'store'>,
  session: Session,
  { prefix, count, filesOf }: FleetOptions,
): Promise<One[]> {
  const names = Array.from({ length: count }, (_, i) => `${prefix}${`${i + 1}`.padStart(3, '0')}`);
  const ones = names.map((name) => ({ name, node: makeNode(`many ${name}`) }));
  for (const one of ones) await waits(desk, one, filesOf(one.name));
  const targets = ones.map(({ node }) => ({ node: node.id, named: true }));
  const wish = { reason: '', showSecrets: false, stat: false };
  const { planned } = await planApproveMany(session, targets, wish);
  const bases = new Map<string, Uint8Array>();
  for await (const signed of signMany(session, planned, {})) {
    if ('error' in signed) throw signed.error;
    const [{ node, statementDigest }] = signed.outcomes as [(typeof signed.outcomes)[number]];
    bases.set(node, fromHex(statementDigest));
  }
  return ones.map((one) => ({ ...one, base: bases.get(one.node.id)! }));
}

interface FleetOptions {
  readonly prefix: string;
  readonly count: number;
  readonly filesOf: (name: string) => Readonly<Record<string, string>>;
}
