import { sha256 } from '#platform';
import { utf8 } from '../../bundle/bytes.ts';
import { DEFAULT_SEALED_BYTES } from '../../bundle/header.ts';
import { deriveIdentity } from '../../bundle/identity.ts';
import type { Identity, NodeId } from '../../bundle/identity.ts';
import { signKeyset } from '../../bundle/keyset.ts';
import type { AdminKey, Keyset, SignedKeyset } from '../../bundle/keyset.ts';
import { bundleDigest } from '../../bundle/header.ts';
import type { Metadata } from '../../bundle/manifest.ts';
import { sealBundle } from '../../bundle/seal.ts';
import { addSignature, signStatementAsNode, statementDigest } from '../../bundle/statement.ts';
import type { SignedStatement, Statement, StatementType } from '../../bundle/statement.ts';
import { ZERO_DIGEST } from '../../bundle/statement.ts';
import type { Approval, Site } from '../../protocol/site.ts';

/** The keys that a name gives: the same at every run. */
export function makeIdentity(name: string): Identity {
  return deriveIdentity(sha256(utf8(`coatcheck test seed: ${name}`)));
}

export const makeNode = (name = 'node'): Identity => makeIdentity(`node ${name}`);

export interface TestAdmin {
  readonly identity: Identity;
  readonly key: AdminKey;
}

export function makeAdmin(name: string, may: 'all' | 'first' = 'all'): TestAdmin {
  const identity = makeIdentity(`admin ${name}`);
  const { signKey, boxKey } = identity;
  return { identity, key: { signKey, boxKey, may, name } };
}

/** A site, and the keys of its administrators. */
export interface TestSite {
  readonly site: Site;
  /** In the order of the keyset. */
  readonly admins: readonly TestAdmin[];
}

/** A site with its pinned keyset: one administrator and threshold one unless told otherwise. */
export function makeSite(
  options: {
    name?: string;
    admins?: readonly TestAdmin[];
    threshold?: number;
    approval?: Approval;
    servers?: readonly string[];
    maxBundleBytes?: number;
  } = {},
): TestSite {
  const { name = 'test', admins = [makeAdmin('ada')], threshold = 1 } = options;
  const id = sha256(utf8(`coatcheck test site: ${name}`)).slice(0, 16);
  const keyset: Keyset = {
    site: id,
    version: 1,
    previous: ZERO_DIGEST,
    threshold,
    keys: admins.map(({ key }) => key),
  };
  const site: Site = {
    id,
    name,
    pinned: signKeyset(keyset, []),
    approval: options.approval ?? 'required',
    servers: options.servers ?? [],
    maxBundleBytes: options.maxBundleBytes ?? DEFAULT_SEALED_BYTES,
  };
  return { site, admins };
}

/** The keyset after `before`, signed by every administrator of the one before. */
export function nextKeyset(
  before: { signed: SignedKeyset; admins: readonly TestAdmin[] },
  admins: readonly TestAdmin[],
  threshold = 1,
): SignedKeyset {
  const { signed } = before;
  return signKeyset(
    {
      site: signed.keyset.site,
      version: signed.keyset.version + 1,
      previous: signed.digest,
      threshold,
      keys: admins.map(({ key }) => key),
    },
    before.admins.map(({ identity }, keyIndex) => ({ identity, keyIndex })),
  );
}

/** A sealed bundle and its name. */
export interface TestProposal {
  readonly bytes: Uint8Array;
  /** 32 bytes */
  readonly digest: Uint8Array;
}

/** What a bundle of a test says beside its files, unless told otherwise: nothing that needs a unit. */
export const SETTINGS: Metadata = {
  ...{ hostname: 'node', madeAt: 1_790_000_000, madeBy: 'a test' },
  answers: { ip: 'dhcp' },
};

/** A bundle of `files` (path to content), made by the node, or by an administrator. */
export function propose(options: {
  keyset: Keyset;
  node: Identity;
  /** Instead of the node. */
  by?: Identity;
  files?: Readonly<Record<string, string>>;
  /** Instead of {@link SETTINGS}. */
  metadata?: Metadata;
  /** The statement in force when it was made, 32 bytes. */
  base?: Uint8Array;
  /** Box keys, instead of the node's and every administrator's. */
  recipients?: readonly Uint8Array[];
}): TestProposal {
  const { keyset, node, by, files = { 'etc/hostname': 'node\n' } } = options;
  const bytes = sealBundle({
    manifest: {
      node: { signKey: node.signKey, boxKey: node.boxKey },
      base: options.base ?? ZERO_DIGEST,
      metadata: options.metadata ?? SETTINGS,
      files: Object.entries(files).map(([path, content]) => ({
        ...{ path, mode: 0o644, owner: 'root', uid: 0, group: 'root', gid: 0 },
        content: utf8(content),
      })),
    },
    signer: by ?? node,
    kind: by === undefined ? 'node' : 'admin',
    recipients: options.recipients ?? [node.boxKey, ...keyset.keys.map(({ boxKey }) => boxKey)],
  });
  return { bytes, digest: bundleDigest(bytes) };
}

/** What the next statement follows: its digest and seq. */
export interface After {
  readonly digest: Uint8Array;
  readonly seq: number;
}
export const NOTHING: After = { digest: ZERO_DIGEST, seq: 0 };
export const after = ({ digest, statement }: SignedStatement): After => ({
  digest,
  seq: statement.seq,
});

/** A statement about `node` at the place after `after`; anything in `more` goes over it. */
export function makeStatement(
  keyset: Keyset,
  node: NodeId,
  type: StatementType,
  place: After = NOTHING,
  more: Partial<Statement> = {},
): Statement {
  return {
    type,
    keysetVersion: keyset.version,
    site: keyset.site,
    node,
    digest: ZERO_DIGEST,
    prev: place.digest,
    seq: place.seq + 1,
    issued: 1_790_000_000,
    reason: '',
    ...more,
  };
}

/** The statement with the signature of each of `admins`. */
export function sign(
  statement: Statement,
  keyset: Keyset,
  ...admins: readonly TestAdmin[]
): SignedStatement {
  const unsigned: SignedStatement = {
    statement,
    digest: statementDigest(statement),
    signatures: [],
  };
  return admins.reduce((signed, admin) => {
    const index = keyset.keys.findIndex(({ name }) => name === admin.key.name);
    return addSignature(signed, admin.identity, index);
  }, unsigned);
}

export const signAsNode = signStatementAsNode;
