import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { encodeFrame } from '../bundle/frame.ts';
import { deriveIdentity } from '../bundle/identity.ts';
import { sealReport } from '../bundle/index.ts';
import { randomBytes } from '../bundle/platform/node.ts';
import { approvedKey, historyKey, reportKey } from '../protocol/keys.ts';
import { makeStatement, propose, SETTINGS, sign } from '../tests/support/site.ts';
import { ADMIN } from './fixtures.ts';
import type { Row, Suite } from './result.ts';
import type { Look } from './status-look.ts';
import { KEYSET, SITE } from './storm/fleet.ts';
import { memoryPlace } from './storm/places.ts';
import type { Place } from './storm/places.ts';

const NODES = [100, 1_000, 10_000];
const PREFIXES = 4;
const AIM_FIRST_SECONDS = 1;

/**
 * What one look at every node costs, of which something is in force and which has reported: with nothing kept,
 * and again with what the first look has kept.
 * @param folder exists
 * @param sizes numbers of nodes
 */
export async function statusSuite(folder: string, sizes = NODES): Promise<Suite> {
  const rows: Row[] = [];
  for (const nodes of sizes) {
    const own = join(folder, `status-${nodes}`);
    mkdirSync(own, { recursive: true });
    const place = await memoryPlace({ folder: own });
    try {
      rows.push(...(await measure(place, own, nodes)));
    } finally {
      await place.stop();
    }
  }
  const again = rows.filter(({ name }) => name.endsWith('again'));
  return {
    ...{ title: 'A look at every node', unit: 's', rows },
    aims: [
      {
        text: `all nodes shown within ${AIM_FIRST_SECONDS} s`,
        met: rows.every(({ more }) => more!['all shown, s']! <= AIM_FIRST_SECONDS),
      },
      {
        text: 'at most one LIST page for 1,000 keys of each prefix, and two requests, where nothing changed',
        met: again.every(({ more }, i) => {
          const pages = PREFIXES * Math.ceil(sizes[i]! / 1_000);
          return more!['requests']! <= pages + 2;
        }),
      },
    ],
  };
}

async function measure(place: Place, folder: string, nodes: number): Promise<Row[]> {
  for (let i = 0; i < nodes; i++) await createNode(place, `gx${i}`);
  const server = await place.serve();
  try {
    const row = async (name: string): Promise<Row> => {
      const look = await lookAt(server.url, folder);
      if (look.nodes !== nodes) throw new Error(`${look.nodes} of ${nodes} nodes were seen`);
      const { seconds, firstSeconds, requests, mebibytes } = look;
      const more = { 'all shown, s': firstSeconds, requests, 'most in memory, MiB': mebibytes };
      return { name, value: seconds, more };
    };
    return [await row(`${nodes} nodes`), await row(`${nodes} nodes, again`)];
  } finally {
    await server.stop();
  }
}

/** A node of which something is in force, and which has reported. */
export async function createNode({ store }: Place, hostname: string): Promise<void> {
  const node = deriveIdentity(randomBytes(32));
  const { bytes, digest } = propose({
    ...{ keyset: KEYSET, node, metadata: { ...SETTINGS, hostname } },
    files: { 'etc/chrony.conf': 'server a\n', 'etc/motd': `${hostname}\n` },
  });
  const statement = sign(
    makeStatement(KEYSET, node.id, 'approve', undefined, { digest }),
    ...([KEYSET, ADMIN] as const),
  );
  const entry = encodeFrame({ chain: [SITE.pinned], statement, bundle: bytes });
  const result = 'applied: 1 changed, 0 removed, 2 as they were; memory: none';
  const report = sealReport({
    report: {
      ...{ node: node.id, site: SITE.id, statementDigest: statement.digest, result },
      time: Math.floor(Date.now() / 1000),
    },
    ...{ signer: node, recipients: [ADMIN.key.boxKey] },
  });
  await store.create(historyKey(node.id, 1), entry);
  await store.create(approvedKey(node.id), entry);
  await store.create(reportKey(node.id), report);
}

/** One look, by a program of its own: what it read is kept in `folder`. */
export async function lookAt(url: string, folder: string): Promise<Look> {
  const program = fileURLToPath(new URL('./status-look.ts', import.meta.url));
  const args = ['--import', 'tsx', program, url, folder];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return JSON.parse(stdout) as Look;
}
