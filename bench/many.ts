import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createSession } from '../admin/session.ts';
import { groupsOf } from '../admin/groups.ts';
import { localKey } from '../admin/local-key.ts';
import { planApproveMany, signMany } from '../admin/many.ts';
import { encodeFrame } from '../bundle/frame.ts';
import { toHex } from '../bundle/bytes.ts';
import { deriveIdentity } from '../bundle/identity.ts';
import { randomBytes } from '../bundle/platform/node.ts';
import { fileMemory } from '../cli/memory.ts';
import { approvedKey, historyKey, parseDigest, pendingKey } from '../protocol/keys.ts';
import { COMMANDS, commandsBuilt } from './commands.ts';
import { makeStatement, propose, SETTINGS, sign } from '../tests/support/site.ts';
import { countingFetch } from './counting-fetch.ts';
import { ADMIN } from './fixtures.ts';
import type { Row, Suite } from './result.ts';
import { KEYSET, SITE } from './storm/fleet.ts';
import { folderPlace, minioPlace } from './storm/places.ts';
import type { Place } from './storm/places.ts';

const PLACES = { folder: folderPlace, MinIO: minioPlace };
const NODES = 300;
const AIM_SECONDS = 0.3;
const AIM_REQUESTS = 5;

/**
 * What it costs to approve the same new line on 300 machines at once, from the first request to the last
 * answer: as `coatcheck approve` does it behind the passphrase and without the person.
 * @param folder exists
 */
export async function manySuite(folder: string): Promise<Suite> {
  await commandsBuilt();
  const rows: Row[] = [];
  for (const [name, open] of Object.entries(PLACES)) {
    const own = join(folder, `many-${name}`);
    mkdirSync(own, { recursive: true });
    try {
      const place = await open({ folder: own, commands: COMMANDS });
      try {
        rows.push({ name, ...(await measure(place, own)) });
      } finally {
        await place.stop();
      }
    } catch (error) {
      rows.push({ name, note: error instanceof Error ? error.message : String(error) });
    }
  }
  const met = (value: number | undefined, aim: number): boolean =>
    value !== undefined && value <= aim;
  return {
    ...{ title: `${NODES} approvals of one change`, unit: 's a node', rows },
    aims: [
      {
        text: `at most ${AIM_SECONDS} s a node`,
        met: rows.every(({ value, note }) => note !== undefined || met(value, AIM_SECONDS)),
      },
      {
        text: `at most ${AIM_REQUESTS} requests a node, to server and store`,
        met: rows.every(
          ({ more, note }) => note !== undefined || met(more?.['requests a node'], AIM_REQUESTS),
        ),
      },
    ],
  };
}

async function measure(place: Place, folder: string): Promise<Omit<Row, 'name'>> {
  const nodes = Array.from({ length: NODES }, () => deriveIdentity(randomBytes(32)));
  for (const [i, node] of nodes.entries()) {
    const metadata = { ...SETTINGS, hostname: `gx${i}` };
    const files = { 'etc/chrony.conf': 'server a\n', 'etc/motd': `gx${i}\n` };
    const before = propose({ keyset: KEYSET, node, files, metadata });
    const statement = sign(
      makeStatement(KEYSET, node.id, 'approve', undefined, { digest: before.digest }),
      ...([KEYSET, ADMIN] as const),
    );
    const entry = encodeFrame({ chain: [SITE.pinned], statement, bundle: before.bytes });
    for (const key of [approvedKey(node.id), historyKey(node.id, 1)]) {
      await place.store.create(key, entry);
    }
    const { bytes, digest } = propose({
      ...{ keyset: KEYSET, node, metadata, base: statement.digest },
      files: { ...files, 'etc/chrony.conf': 'server a\nserver b\n' },
    });
    await place.store.create(pendingKey(node.id, parseDigest(toHex(digest))), bytes);
  }
  const server = await place.serve();
  try {
    const { fetch, requests } = countingFetch();
    const start = performance.now();
    const session = await createSession({
      ...{ site: SITE, server: server.url, fetch, program: 'bench' },
      ...{ key: localKey(ADMIN.identity), memory: fileMemory(join(folder, 'memory.json'), SITE) },
    });
    const targets = nodes.map(({ id }) => ({ node: id, named: false }));
    const wish = { reason: '', showSecrets: false, stat: false };
    const { planned } = await planApproveMany(session, targets, wish);
    const looked = performance.now();
    const { length } = groupsOf(planned, wish);
    if (length !== 1) throw new Error(`${length} groups, and there is one change`);
    let signed = 0;
    for await (const one of signMany(session, planned, {})) {
      if ('error' in one) throw one.error;
      signed++;
    }
    if (signed !== NODES) throw new Error(`${signed} of ${NODES} were signed`);
    return {
      value: (performance.now() - start) / 1000 / NODES,
      more: {
        'of that until the review, s in all': (looked - start) / 1000,
        'requests a node': requests() / NODES,
      },
    };
  } finally {
    await server.stop();
  }
}
