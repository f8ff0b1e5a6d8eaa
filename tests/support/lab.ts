import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromHex, toHex } from '../../bundle/bytes.ts';
import type { Identity, NodeId } from '../../bundle/identity.ts';
import type { Metadata } from '../../bundle/manifest.ts';
import { encodeSignedStatement } from '../../bundle/statement.ts';
import type { Statement, StatementType } from '../../bundle/statement.ts';
import { startServer } from '../../functions/serve/server.ts';
import type { RunningServer } from '../../functions/serve/server.ts';
import { createFetch } from '../../net/fetch.ts';
import { openFolder } from '../../functions/stores/folder.ts';
import { createClient } from '../../protocol/client.ts';
import type { Client } from '../../protocol/client.ts';
import type { DecisionSource } from '../../protocol/http.ts';
import { approvedKey, parseDigest, pendingKey } from '../../protocol/keys.ts';
import type { Approval, Site } from '../../protocol/site.ts';
import { createFilesystemStore } from '../../store/filesystem.ts';
import type { ObjectStore } from '../../store/port.ts';
import { after, makeSite, makeStatement, NOTHING, propose, sign } from './site.ts';
import type { After } from './site.ts';

/** A real server on a store in a folder, and the administrator of its site. */
export interface Lab {
  /** As a machine's image carries it: with the server's address. */
  readonly site: Site;
  readonly url: string;
  readonly folder: string;
  /** What an administrator of the bucket could do. */
  readonly store: ObjectStore;
  readonly admin: Client;
  /** Puts a bundle of these files (path to content), made by a node, where proposals wait: its digest, hex. */
  propose(
    node: Identity,
    files: Readonly<Record<string, string>>,
    metadata?: Metadata,
  ): Promise<string>;
  /** Signs the next decision about a node, and has it recorded. */
  decide(
    node: Identity,
    type: StatementType,
    options?: { digest?: string; from?: DecisionSource } & Partial<
      Pick<Statement, 'expires' | 'reason'>
    >,
  ): Promise<void>;
  approve(
    node: Identity,
    digest: string,
    more?: Partial<Pick<Statement, 'expires'>>,
  ): Promise<void>;
  /** The bytes of `approved/<node>`. */
  approved(node: NodeId): Promise<Uint8Array>;
  /** Puts other bytes there, as somebody who can write the bucket. */
  tamper(node: NodeId, bytes: Uint8Array | undefined): Promise<void>;
  stop(): Promise<void>;
  /** On the same port, with the same store. */
  start(): Promise<void>;
  close(): Promise<void>;
}

export async function startLab(
  options: { approval?: Approval; token?: string } = {},
): Promise<Lab> {
  const { approval = 'required', token } = options;
  const folder = fs.mkdtempSync(join(tmpdir(), 'coatcheck-lab-'));
  const { site, admins } = makeSite({ approval });
  const keyset = site.pinned.keyset;
  const listen = async (port: number): Promise<RunningServer> =>
    startServer({
      site,
      store: await openFolder(folder, { create: true }),
      host: '127.0.0.1',
      port,
      ...(token === undefined ? {} : { token }),
    });
  let server = await listen(0);
  const store = createFilesystemStore(folder);
  const { identity } = admins[0]!;
  // Not the global fetch: it writes to a kept connection that a slow server has just closed.
  const fetch = createFetch();
  const admin = createClient({ server: server.url, site: site.id, identity, fetch });
  const heads = new Map<NodeId, After>();

  const decide: Lab['decide'] = async (node, type, { digest, from, ...more } = {}) => {
    const statement = makeStatement(keyset, node.id, type, heads.get(node.id) ?? NOTHING, {
      issued: Math.floor(Date.now() / 1000),
      ...(digest === undefined ? {} : { digest: fromHex(digest) }),
      ...more,
    });
    const signed = sign(statement, keyset, admins[0]!);
    await admin.decide(node.id, encodeSignedStatement(signed), from, node.boxKey);
    heads.set(node.id, after(signed));
  };

  return {
    site: { ...site, servers: [server.url] },
    url: server.url,
    folder,
    store,
    admin,
    async propose(node, files, metadata) {
      const { bytes, digest } = propose({ keyset, node, files, ...(metadata && { metadata }) });
      await store.create(pendingKey(node.id, parseDigest(toHex(digest))), bytes);
      return toHex(digest);
    },
    decide,
    approve: (node, digest, more = {}) =>
      decide(node, 'approve', { digest, from: { pending: true }, ...more }),
    async approved(node) {
      return (await store.get(approvedKey(node), { maxBytes: 2 ** 24 }))!.body;
    },
    async tamper(node, bytes) {
      await store.delete(approvedKey(node));
      if (bytes !== undefined) await store.create(approvedKey(node), bytes);
    },
    stop: () => server.close(),
    async start() {
      server = await listen(server.port);
    },
    async close() {
      await server.close();
      fs.rmSync(folder, { recursive: true, force: true });
    },
  };
}
