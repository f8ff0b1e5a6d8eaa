import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { findMinio } from '../../local-minio/find.ts';
import { randomRootPair } from '../../local-minio/start.ts';
import { makeAuthority } from './certificates.ts';
import type { Authority } from './certificates.ts';
import type { Deployed } from './aws-template.ts';
import type { GatewayConfig, GatewayOrder } from './aws-gateway.ts';
import { runtimeClient } from './lambda-ric.ts';

/** The one that every client of a MinIO signs for unless told otherwise. */
export const REGION = 'us-east-1';
/** On the loopback interface of the namespace; no address that an agent is not led to. */
const GATEWAY = '10.77.9.2';
const STORE = '10.77.9.3';
/** By which the bucket is made: at S3's own a client takes the bucket for a part of the host. */
const STORE_NAME = 'store.test';

/** A region of AWS as a site meets it: S3 and the HTTP API under their own names, by TLS. */
export interface Region {
  /** What stands before a command that is to run there */
  readonly inside: readonly string[];
  /** All that the functions have said */
  readonly log: () => string;
  /** Tells the gateway what to do from now on. */
  order(order: GatewayOrder): Promise<void>;
  close(): Promise<void>;
}

/** The CA that a region's names are vouched for by. */
export const authorityOf = (folder: string): Authority => makeAuthority(join(folder, 'ca'));

/** @param folder keeps its files, and is whoever's asked */
export async function openRegion(
  folder: string,
  authority: Authority,
  site: Deployed,
): Promise<Region> {
  const found = await findMinio();
  if (found?.kind !== 'binary') throw new Error('a region needs a MinIO of its own');
  const s3 = `s3.${REGION}.amazonaws.com`;
  const hostsFile = join(folder, 'hosts');
  const hosts = [
    `127.0.0.1 localhost`,
    `${STORE} ${s3} ${STORE_NAME}`,
    `${GATEWAY} ${[...site.hosts, site.stsHost].join(' ')}`,
  ];
  fs.writeFileSync(hostsFile, `${hosts.join('\n')}\n`);
  const children: ChildProcess[] = [];
  const setUp = `ip link set lo up && ip addr add ${GATEWAY}/32 dev lo && ip addr add ${STORE}/32 dev lo &&
    mount --bind ${hostsFile} /etc/hosts && echo ready && exec sleep infinity`;
  const holder = spawn(
    'unshare',
    ['--net', '--mount', '--propagation', 'private', 'sh', '-c', setUp],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  children.push(holder);
  await once(holder.stdout, 'data');
  const where = ['--target', String(holder.pid), `--wd=${process.cwd()}`];
  const inside = ['nsenter', ...where, '--mount', '--net', '--'];

  const certs = join(folder, 'certs');
  fs.mkdirSync(certs);
  const store = authority.issue(`DNS:${s3},DNS:*.${s3},DNS:${STORE_NAME}`);
  fs.writeFileSync(join(certs, 'public.crt'), store.cert);
  fs.writeFileSync(join(certs, 'private.key'), store.key);
  const root = randomRootPair();
  const minio = spawn(
    inside[0]!,
    [
      ...[...inside.slice(1), found.path, 'server', join(folder, 'data'), '--certs-dir', certs],
      ...['--address', `${STORE}:443`, '--console-address', '127.0.0.1:9001', '--quiet'],
    ],
    {
      env: {
        ...{ PATH: process.env['PATH'], HOME: folder, MINIO_DOMAIN: s3, MINIO_REGION: REGION },
        ...{ MINIO_ROOT_USER: root.rootUser, MINIO_ROOT_PASSWORD: root.rootPassword },
        ...{ MINIO_BROWSER: 'off', MINIO_UPDATE: 'off' },
      },
      stdio: 'ignore',
    },
  );
  children.push(minio);

  const configFile = join(folder, 'gateway.json');
  const config: GatewayConfig = {
    ...{ ...site, address: GATEWAY, region: REGION, runtimeClient: runtimeClient() },
    ...{ hostsFile, storeAddress: STORE, caFile: authority.caFile },
    minio: { endpoint: `https://${STORE_NAME}`, ...root },
    tls: authority.issue([...site.hosts, site.stsHost].map((host) => `DNS:${host}`).join(',')),
  };
  fs.writeFileSync(configFile, JSON.stringify(config), { mode: 0o600 });
  const program = ['--import', 'tsx', 'tests/support/aws-gateway.ts', configFile];
  const gateway = spawn(inside[0]!, [...inside.slice(1), process.execPath, ...program], {
    env: { ...process.env, NODE_EXTRA_CA_CERTS: authority.caFile },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.push(gateway);
  let said = '';
  gateway.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  const ended = once(gateway, 'exit');
  const says = async (word: string, after = 0): Promise<void> => {
    while (!said.slice(after).split('\n').includes(word)) {
      if (gateway.exitCode !== null) throw new Error(`the gateway ended: ${said}`);
      await Promise.race([once(gateway.stdout, 'data'), ended]);
    }
  };
  try {
    await says('ready');
  } catch (error) {
    for (const child of children) child.kill('SIGKILL');
    throw error;
  }
  return {
    inside,
    log: () => said,
    async order(order) {
      const after = said.length;
      gateway.stdin.write(`${JSON.stringify(order)}\n`);
      await says('ordered', after);
    },
    async close() {
      const running = children.filter(
        ({ exitCode, signalCode }) => exitCode === null && signalCode === null,
      );
      const all = running.map((child) => once(child, 'exit'));
      gateway.stdin.end();
      minio.kill('SIGKILL');
      await ended;
      holder.kill('SIGKILL');
      await Promise.all(all);
    },
  };
}
