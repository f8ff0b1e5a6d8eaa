import * as fs from 'node:fs';
import { ensureBucket } from '../../local-minio/bucket.ts';
import { takeCredentials } from '../../local-minio/credentials.ts';
import type { RootPair } from '../../local-minio/minio.ts';
import { startMinio } from '../../local-minio/start.ts';
import { createS3Store } from '../../store/s3.ts';
import { judge } from './judge.ts';
import { BUCKET, STORE } from './site.ts';
import { Storm } from './storm.ts';
import type { Kind, Phase } from './storm.ts';

/** What the process on the clients' machine does when it is asked: {@link callClients} asks. */
const storm = new Storm();
let root: RootPair;

/** Once a store machine answers by itself. */
async function storeAnswers(endpoint: string): Promise<void> {
  const { rootUser, rootPassword } = root;
  await startMinio({ kind: 'endpoint', endpoint, rootUser, rootPassword }, '');
}

const calls = {
  /** Makes bucket and credentials. */
  prepare: async (pair: RootPair, credentials: string): Promise<void> => {
    root = pair;
    await storeAnswers(STORE);
    const minio = { endpoint: STORE, ...root };
    await ensureBucket(minio, BUCKET);
    const keys = await takeCredentials(minio, BUCKET, 24 * 3600);
    fs.writeFileSync(credentials, JSON.stringify(keys), { mode: 0o600 });
  },
  storeAnswers,
  phase: async (name: string): Promise<void> => storm.phase(name),
  populate: (folder: string, count: number): Promise<void> => storm.populate(folder, count),
  start: async (how: { boots: number; rounds: number }): Promise<void> => storm.start(how),
  counts: async (): Promise<Record<Kind, number>> => storm.counts(),
  /** What happened, once everything under way is done and every machine booted once more. */
  stop: async (): Promise<{ phases: Phase[]; faults: string[]; decisions: number }> => {
    await storm.stop();
    for (const machine of storm.fleet) {
      await storm.boot(machine);
      await storm.repair(machine);
    }
    const { rootUser: accessKeyId, rootPassword: secretAccessKey } = root;
    const store = createS3Store({
      ...{ bucket: BUCKET, region: 'us-east-1', endpoint: STORE },
      credentials: { accessKeyId, secretAccessKey },
    });
    const faults = [...storm.faults, ...(await judge(store, storm.fleet))];
    const decisions = storm.fleet.flatMap(({ acknowledged }) => acknowledged).length;
    return { phases: storm.phases, faults, decisions };
  },
};
export type Calls = typeof calls;

process.on('message', ({ id, name, args }: { id: number; name: keyof Calls; args: never }) => {
  const act = calls[name] as (...args: unknown[]) => Promise<unknown>;
  act(...(args as unknown[])).then(
    (result) => process.send!({ id, result }),
    (error: unknown) => process.send!({ id, error: (error as Error).stack }),
  );
});
// A loop that fails ends everything: what it found is said.
process.on('unhandledRejection', (error) => {
  console.error(error);
  process.exit(1);
});
process.on('disconnect', () => process.exit());
