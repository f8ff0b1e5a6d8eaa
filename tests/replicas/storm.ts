import * as fs from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openNode } from '../../agent/boot/node.ts';
import type { Node } from '../../agent/boot/node.ts';
import { propose } from '../../agent/boot/propose.ts';
import { createServers, foundServers, tryAgain } from '../../agent/boot/servers.ts';
import type { Servers } from '../../agent/boot/servers.ts';
import { createSource } from '../../agent/boot/source.ts';
import type { Decision, Source } from '../../agent/boot/source.ts';
import { makeKeyFile } from '../../agent/identity/keys/key-file.ts';
import { findServers } from '../../agent/network/find-servers.ts';
import { fromHex, utf8 } from '../../bundle/bytes.ts';
import { encodeSignedStatement } from '../../bundle/statement.ts';
import type { SignedStatement } from '../../bundle/statement.ts';
import { createFetch } from '../../net/fetch.ts';
import { createClient } from '../../protocol/client.ts';
import type { Client } from '../../protocol/client.ts';
import { codeOf, fail, hasCode } from '../../protocol/errors.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import type { DigestHex } from '../../protocol/keys.ts';
import { formatSite } from '../../protocol/site.ts';
import { after, makeStatement, NOTHING, sign } from '../support/site.ts';
import type { After, TestAdmin } from '../support/site.ts';
import { ADMINS, DOMAIN, REPLICAS, SITE } from './site.ts';

/** What is measured, each from the first try to its answer. */
export type Kind = 'boot' | 'proposal' | 'decision';
export const KINDS: readonly Kind[] = ['boot', 'proposal', 'decision'];

/** Something that was done. */
interface Sample {
  readonly kind: Kind;
  readonly began: number;
  readonly ended: number;
}

/** What happened while the cluster was in one state; milliseconds since its beginning. */
export interface Phase {
  readonly name: string;
  readonly began: number;
  readonly samples: Sample[];
  /** What a try failed with that was made again, and how often */
  readonly failures: Record<string, number>;
}

/** A machine of the fleet, and what its administrators were told. */
export interface FleetNode {
  readonly root: string;
  readonly node: Node;
  /** Statements that a server said it has recorded, in their order, hex of digests in `digest` */
  readonly acknowledged: { readonly statement: SignedStatement; readonly digest: DigestHex }[];
  /** The newest that a server said it shows to the node */
  shownSeq: number;
  head: After;
  refused?: DigestHex;
  round: number;
}

const silent = {
  ...{ note: () => undefined, progress: () => undefined },
  ...{ part: () => undefined, result: () => undefined },
};
const now = (): number => Math.floor(Date.now() / 1000);
/** What a server or a store that is away makes of a question; nothing else is asked again. */
const AWAY: readonly ErrorCode[] = [
  ...(['server_unreachable', 'store_unavailable', 'store_unknown'] as const),
];
/** Before what failed is tried again: far less than an agent waits. */
const rest = (): Promise<void> => sleep(200);

/** Machines that boot, propose and are decided about, by servers of which any may be gone. */
export class Storm {
  readonly phases: Phase[] = [];
  /** Of what was promised: none, if all is well */
  readonly faults: string[] = [];
  readonly fleet: FleetNode[] = [];
  private readonly loops: Promise<void>[] = [];
  private isOver = false;
  private turn = 0;

  /** What is done from now on is of another phase. */
  phase(name: string): void {
    this.phases.push({ name, began: performance.now(), samples: [], failures: {} });
  }

  /** How much of each kind began in this phase and was done. */
  counts(): Record<Kind, number> {
    const { samples } = this.phases.at(-1)!;
    const of = (kind: Kind): number => samples.filter((sample) => sample.kind === kind).length;
    return { boot: of('boot'), proposal: of('proposal'), decision: of('decision') };
  }

  /** So many machines, each with a first configuration in force. */
  async populate(folder: string, count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const root = join(folder, `node${i}`);
      fs.mkdirSync(join(root, 'etc/coatcheck'), { recursive: true });
      fs.writeFileSync(join(root, 'etc/coatcheck/site.json'), formatSite(SITE));
      makeKeyFile(join(root, 'etc/coatcheck/key'));
      const node = openAt(root);
      this.fleet.push({ root, node, acknowledged: [], shownSeq: 0, head: NOTHING, round: 0 });
    }
    await Promise.all(this.fleet.map((machine) => this.round(machine, ['approve'])));
  }

  /** @param boots how many machines boot at a time @param rounds how many propose at a time */
  start({ boots, rounds }: { boots: number; rounds: number }): void {
    const loop = async (act: (i: number) => Promise<void>, first: number, step: number) => {
      for (let i = first; !this.isOver; i += step) await act(i % this.fleet.length);
    };
    for (let i = 0; i < boots; i++) {
      this.loops.push(loop((at) => this.boot(this.fleet[at]!), i, boots));
    }
    // Of a machine one proposal waits at a time: each is of one loop.
    for (let i = 0; i < rounds; i++) {
      const own = this.fleet.filter((_, at) => at % rounds === i);
      this.loops.push(loop((at) => this.round(own[at % own.length]!, ['approve', 'reject']), i, 1));
    }
  }

  /** Ends once everything under way is done. */
  async stop(): Promise<void> {
    this.isOver = true;
    await Promise.all(this.loops);
  }

  /** A whole look of a machine that was off: its servers by DNS, its URL, its decision, all verified. */
  async boot(machine: FleetNode): Promise<void> {
    const least = machine.shownSeq;
    await this.measured('boot', async () => {
      const { source } = this.opened(machine);
      const { frame } = await this.inForce(source);
      const { seq } = frame.statement;
      if (seq < least) {
        this.faults.push(`${machine.node.identity.id} was shown ${seq} after ${least}`);
      }
    });
  }

  /** Has shown to a machine what is in force by its record, where a server said that it is not yet. */
  async repair({ node: { identity } }: FleetNode): Promise<void> {
    for (let i = 0; ; i++) {
      try {
        await clientsOf(ADMINS[0]!)[i % REPLICAS.length]!.repair(identity.id);
        return;
      } catch (error) {
        this.failed(error);
        await rest();
      }
    }
  }

  /** A machine proposes, and its administrators decide at once, each as it likes, at different servers. */
  private async round(machine: FleetNode, types: readonly ('approve' | 'reject')[]): Promise<void> {
    const opened = this.opened(machine);
    const isFirst = machine.acknowledged.length === 0;
    const inForce = isFirst ? undefined : await this.inForce(opened.source);
    const digest = await this.measured('proposal', () => this.propose(machine, opened, inForce));
    const { head } = machine;
    // Who begins, and at which server, goes by turns.
    const turn = this.turn++;
    const admins = turn % 2 === 0 ? ADMINS : [...ADMINS].reverse();
    const decided = await Promise.all(
      types.map((type, i) => {
        const statement = makeStatement(SITE.pinned.keyset, machine.node.identity.id, type, head, {
          ...{ digest: fromHex(digest), issued: now(), reason: type === 'reject' ? 'a test' : '' },
        });
        const admin = admins[i]!;
        return this.decide(machine, sign(statement, SITE.pinned.keyset, admin), {
          ...{ admin, first: turn + i },
        });
      }),
    );
    const [won, ...more] = decided.filter((one) => one !== undefined);
    const { id } = machine.node.identity;
    if (won === undefined) throw new Error(`nobody decided about ${digest} of ${id}`);
    if (more.length > 0) this.faults.push(`${digest} of ${id} was decided twice`);
    machine.acknowledged.push({ statement: won.signed, digest });
    machine.head = after(won.signed);
    const { type, seq } = won.signed.statement;
    if (type === 'reject') machine.refused = digest;
    else if (won.published) machine.shownSeq = seq;
  }

  private opened({ root }: FleetNode): { node: Node; servers: Servers; source: Source } {
    const node = openAt(root);
    const find = async (): Promise<Servers> => {
      const lease = { domain: DOMAIN, search: [], dns: [] };
      return createServers(node, await findServers({ orders: {}, site: SITE, lease }));
    };
    const servers = foundServers(find);
    return { node, servers, source: createSource(node, servers) };
  }

  private async inForce(source: Source): Promise<Decision> {
    for (;;) {
      const look = await source.inForce();
      if (look.state === 'found') return look.decision;
      const error = look.state === 'failed' ? look.error : fail('rollback_refused', 'nothing');
      if (hasCode(error, 'rollback_refused')) throw error;
      this.failed(error);
      await rest();
    }
  }

  private async propose(
    machine: FleetNode,
    opened: { node: Node; servers: Servers; source: Source },
    inForce: Decision | undefined,
  ): Promise<DigestHex> {
    const { refused } = machine;
    const text = `node-${machine.round++}\n`;
    const draft = {
      metadata: { hostname: text.trim() },
      files: [
        {
          ...{ path: 'etc/hostname', mode: 0o644, owner: 'root', uid: 0, group: 'root', gid: 0 },
          content: utf8(text),
        },
      ],
    };
    for (;;) {
      try {
        const proposal = await propose(
          { ...opened, inForce, ...(refused && { after: refused }) },
          draft,
        );
        if ('digest' in proposal) return proposal.digest;
        throw new Error(`a proposal is ${proposal.state}`);
      } catch (error) {
        this.failed(tryAgain(opened.servers, error));
        await rest();
      }
    }
  }

  /** The same statement again, at the next server, until one says what became of it. */
  private async decide(
    { node: { identity } }: FleetNode,
    signed: SignedStatement,
    { admin, first }: { admin: TestAdmin; first: number },
  ): Promise<{ signed: SignedStatement; published: boolean } | undefined> {
    const servers = clientsOf(admin);
    const bytes = encodeSignedStatement(signed);
    const isApproval = signed.statement.type === 'approve';
    const from = isApproval ? ({ pending: true } as const) : undefined;
    return this.measured('decision', async () => {
      for (let i = first; ; i++) {
        try {
          const server = servers[i % servers.length]!;
          const { published } = await server.decide(identity.id, bytes, from, identity.boxKey);
          return { signed, published };
        } catch (error) {
          // What the other one decided, or is about to.
          if (hasCode(error, 'head_moved', 'already_decided', 'in_force')) return undefined;
          this.failed(error);
          await rest();
        }
      }
    });
  }

  private async measured<T>(kind: Kind, act: () => Promise<T>): Promise<T> {
    const { samples } = this.phases.at(-1)!;
    const began = performance.now();
    const result = await act();
    samples.push({ kind, began, ended: performance.now() });
    return result;
  }

  private failed(error: unknown): void {
    const code = codeOf(error);
    if (!AWAY.includes(code)) throw error;
    const { failures } = this.phases.at(-1)!;
    failures[code] = (failures[code] ?? 0) + 1;
  }
}

const openAt = (root: string): Node =>
  openNode({ root, site: join(root, 'etc/coatcheck/site.json') }, silent, now);

const CLIENTS = new Map<TestAdmin, Client[]>();

/** An administrator's clients of each server: no program of theirs asks another one by itself. */
function clientsOf(admin: TestAdmin): Client[] {
  let clients = CLIENTS.get(admin);
  if (clients === undefined) {
    const { identity } = admin;
    clients = REPLICAS.map((server) =>
      createClient({ server, site: SITE.id, identity, fetch: createFetch() }),
    );
    CLIENTS.set(admin, clients);
  }
  return clients;
}
