import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { openStore } from '../functions/stores/kinds.ts';
import { homeAt } from '../cli/home.ts';
import { readSite } from '../cli/site-file.ts';
import { nextInterrupt, onSignal } from '../cli/interrupt.ts';
import { reportError } from '../cli/report-error.ts';
import { startServer } from '../functions/serve/server.ts';
import { fail } from '../protocol/errors.ts';
import { buildMinio, obtainMinio } from './build.ts';
import { claimFolder } from './claim.ts';
import { findMinio } from './find.ts';
import { startMinioLab } from './lab.ts';
import { makeSite, seedMachines } from './seed.ts';
import type { LabFolders } from './seed.ts';

const HELP = `npm run minio -- [--dir FOLDER] [--port NUMBER]   a lab on a MinIO, until Ctrl-C
npm run minio -- --install                        only have a MinIO, built if need be`;

const say = (line: string): void => void process.stderr.write(`${line}\n`);

async function install(): Promise<void> {
  const found = await findMinio();
  if (found === undefined) await buildMinio(say);
  else say(`MinIO is there: ${found.kind === 'binary' ? found.path : JSON.stringify(found.kind)}`);
}

/** MinIO, the bucket and its credentials, the server in front, and two machines, until Ctrl-C. */
async function lab(dir: string, port: number): Promise<void> {
  const release = await claimFolder(dir);
  try {
    await runLab(dir, port);
  } finally {
    await release();
  }
}

async function runLab(dir: string, port: number): Promise<void> {
  const found = await obtainMinio(say);
  const stopped = nextInterrupt();
  const minio = await startMinioLab(found, dir, say);
  try {
    const folders: LabFolders = { home: join(dir, 'site'), machines: join(dir, 'machines') };
    await makeSite(folders, `http://127.0.0.1:${port}`);
    const server = await startServer({
      site: await readSite(homeAt(folders.home)),
      store: await openStore({
        ...{ kind: 's3', bucket: minio.bucket, region: 'us-east-1' },
        ...{ endpoint: minio.minio.endpoint, credentialsFile: minio.credentialsFile },
      }),
      ...{ host: '127.0.0.1', port },
    });
    try {
      await seedMachines(folders, server.url);
      console.log(whatToTry(folders, server.url, minio.minio.endpoint));
      await stopped;
    } finally {
      await server.close();
    }
  } finally {
    await minio.stop();
  }
  say('stopped; the data stays in the folder');
}

function whatToTry(folders: LabFolders, server: string, endpoint: string): string {
  const beta = relative('', join(folders.machines, 'beta'));
  return `the lab is up: coatcheck on ${server}, MinIO on ${endpoint}; Ctrl-C stops both
Machine alpha has an approved configuration, and a proposal of beta waits. In another terminal:
  export COATCHECK_HOME=${relative('', folders.home)} COATCHECK_SERVER=${server}
  npx tsx cli/main.ts list
  npx tsx cli/main.ts pending
  npx tsx cli/main.ts approve NODE
  npx tsx agent/main.ts --site $COATCHECK_HOME/site.json --server $COATCHECK_SERVER \\
    --root ${beta}/root --key ${beta}/key --state ${beta}/state boot --once`;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      dir: { type: 'string', default: 'lab' },
      port: { type: 'string', default: '8420' },
      install: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) console.log(HELP);
  else if (values.install) await install();
  else await lab(resolve(values.dir), parsePort(values.port));
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw fail('usage', `--port is a number from 1 to 65535\n${HELP}`);
  }
  return port;
}

const end = (error: unknown): never => process.exit(reportError(error, process, { json: false }));
onSignal((signal) => end(fail('interrupted', `ended by ${signal}`)));
await main().catch(end);
