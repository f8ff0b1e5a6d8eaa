import { loadavg } from 'node:os';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findMinio } from '../../local-minio/find.ts';
import { cliProgram } from '../support/cli.ts';
import { until } from '../support/network.ts';
import { startClients } from './call-clients.ts';
import type { CalledClients } from './call-clients.ts';
import { openCluster } from './cluster.ts';
import type { Cluster } from './cluster.ts';
import { tableOf } from './report.ts';
import { BUCKET, STORE } from './site.ts';

/** Machines of the fleet, and how many of each kind a phase has at the least. */
const MACHINES = 40;
const BOOTS = 300;
const DECISIONS = 80;
/** At a time. */
const AT_ONCE = { boots: 8, rounds: 4 };

let cluster: Cluster;
let clients: CalledClients;
beforeAll(async () => {
  const minio = await findMinio();
  if (minio?.kind !== 'binary') throw new Error('no MinIO: npm run minio -- --install builds one');
  cluster = await openCluster(minio.path, cliProgram());
  clients = startClients(cluster.clients);
  await Promise.all(cluster.stores.map((store) => store.start()));
  await clients.call('prepare', cluster.root, cluster.credentials);
  await Promise.all(cluster.replicas.map((replica) => replica.start()));
});
afterAll(async () => {
  clients.close();
  await cluster.close();
});

/** Until so much was done that began in it. */
async function whole(phase: string): Promise<void> {
  console.log(phase);
  await clients.call('phase', phase);
  await until(async () => {
    const { boot, proposal, decision } = await clients.call('counts');
    return boot >= BOOTS && proposal >= DECISIONS / 2 && decision >= DECISIONS;
  });
}

it('loses nothing and decides nothing twice while servers and stores die in a storm', async () => {
  const { stores, replicas } = cluster;
  await clients.call('phase', 'first configurations');
  await clients.call('populate', cluster.folder, MACHINES);
  await clients.call('phase', 'before');
  await clients.call('start', AT_ONCE);
  await whole('all there');

  await Promise.all([replicas[0]!.kill(), stores[0]!.kill()]);
  await whole('a server and a store machine killed');
  await Promise.all([replicas[0]!.start(), stores[0]!.start()]);
  await clients.call('storeAnswers', 'http://10.77.0.11:9000');
  await whole('both back');

  await stores[1]!.cutOff();
  await whole('another store machine cut off');
  await stores[1]!.plugIn();
  await clients.call('storeAnswers', 'http://10.77.0.12:9000');
  await whole('it is back');

  const { phases, faults, decisions } = await clients.call('stop');
  console.log(tableOf(phases.slice(2)));
  console.log(
    `${decisions} decisions, load ${loadavg()
      .map((n) => n.toFixed(1))
      .join(' ')}`,
  );
  expect(faults).toEqual([]);
  const place = ['--endpoint', STORE, '--credentials', cluster.credentials];
  const verified = await cluster.coatcheck('store', 'verify', `s3://${BUCKET}`, ...place);
  expect(verified).toMatchObject({ code: 0 });
});
