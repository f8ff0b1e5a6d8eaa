// @module-tag long
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { parse } from 'yaml';
import { findProgram } from '../../local-minio/find.ts';
import { buildServerDeb } from '../../packaging/deb/server.ts';
import { CREDENTIALS } from '../../protocol/permissions.ts';
import { buildStandalone } from '../../scripts/commands.ts';
import { cliProgram, runCli } from '../support/cli.ts';
import { describeWith } from '../support/components.ts';
import { until } from '../support/network.ts';
import { listen } from '../support/run.ts';
import type { Run } from '../support/run.ts';
import { startVersitygw } from '../support/versitygw-server.ts';

const FOLDER = 'packaging/container';
const CONTAINERFILE = join(FOLDER, 'Containerfile');
/** An image that lasts: by its name and its whole version. */
const FIXED = /^docker\.io\/[\w-]+\/[\w-]+:v?\d+\.\d+\.\d+(-trixie-slim)?$/;

const secret = (): string => randomBytes(24).toString('hex');
const temporary = (name: string): string => fs.mkdtempSync(join(tmpdir(), `coatcheck-${name}-`));

/** Puts programs of this machine below a root, with the libraries that they load. */
function putPrograms(root: string, programs: Readonly<Record<string, string>>): void {
  const put = (from: string, to: string): void => {
    fs.mkdirSync(dirname(join(root, to)), { recursive: true });
    fs.copyFileSync(from, join(root, to));
  };
  for (const [to, from] of Object.entries(programs)) {
    put(from, to);
    const loaded = execFileSync('ldd', [from], { encoding: 'utf8' });
    for (const [library] of loaded.matchAll(/\/\S+(?= \(0x)/g)) put(library, library);
  }
}

describeWith('buildah', 'the image of the container', () => {
  const folder = temporary('container');
  const program = fs.mkdtempSync(join('node_modules', '.cache-standalone-'));
  let image: Record<'Entrypoint' | 'Env', string[]> & {
    User: string;
    Volumes: object;
    Healthcheck: { Test: string[] };
  };
  let container: string;

  const buildah = (...args: string[]): string =>
    execFileSync('buildah', [...storage, ...args], { encoding: 'utf8', stdio: 'pipe' }).trim();
  const storage = ['--storage-driver', 'vfs', '--root', join(folder, 'storage')];
  storage.push('--runroot', join(folder, 'run'));
  const chroot = ['--isolation', 'chroot'];
  /** What runs a command in the container, as the user of the image. */
  const inside = (command: readonly string[], ...options: string[]): string[] => {
    const user = ['--user', image.User, ...image.Env.flatMap((value) => ['--env', value])];
    return [
      'buildah',
      ...storage,
      'run',
      ...chroot,
      ...user,
      ...options,
      container,
      '--',
      ...command,
    ];
  };

  beforeAll(async () => {
    // A base of what the image needs of Node's, made of this machine's: CI has no registry of images.
    const which = (name: string): string =>
      execFileSync('which', [name], { encoding: 'utf8' }).trim();
    const names = ['sh', 'env', 'tar', 'dpkg-deb', 'install', 'ln'];
    const base = Object.fromEntries(names.map((name) => [`usr/bin/${name}`, which(name)]));
    base['bin/sh'] = which('sh');
    base['usr/local/bin/node'] = process.execPath;
    putPrograms(join(folder, 'base'), base);
    fs.mkdirSync(join(folder, 'base/tmp'), { mode: 0o1777 });
    fs.writeFileSync(join(folder, 'base.container'), 'FROM scratch\nCOPY base /\n');
    const build = ['bud', ...chroot, '--quiet', '--pull-never', '--format', 'docker'];
    buildah(...build, '-t', 'localhost/base', '-f', join(folder, 'base.container'), folder);

    await buildStandalone(program);
    await buildServerDeb({ program, out: join(folder, 'dist'), date: 1_700_000_000 });
    const node = ['--build-arg', 'NODE=localhost/base'];
    buildah(...build, ...node, '-t', 'coatcheck', '-f', CONTAINERFILE, join(folder, 'dist'));
    const inspected = JSON.parse(buildah('inspect', '--type', 'image', 'coatcheck')) as {
      Docker: { config: typeof image };
    };
    image = inspected.Docker.config;
    container = buildah('from', '--pull-never', 'coatcheck');
  });
  afterAll(() => {
    fs.rmSync(program, { recursive: true });
    fs.rmSync(folder, { recursive: true });
  });

  it('is built on a whole version of Node’s image', () => {
    const from = /^ARG NODE=(.*)$/m.exec(fs.readFileSync(CONTAINERFILE, 'utf8'));
    expect(from![1]).toMatch(FIXED);
  });

  it('serves as a user that owns nothing but its folder, says how it is, and sees a machine through to its configuration', async () => {
    const site = join(folder, 'site');
    const local = ['--home', site, '--server', 'http://127.0.0.1:8420'];
    await runCli([...local, 'init', '--no-passphrase']);
    const mounted = `${join(site, 'site.json')}:/var/lib/coatcheck/site.json:ro`;
    const serve = inside(
      [...image.Entrypoint, 'serve', '--host=0.0.0.0', '--public-url=http://127.0.0.1:8420'],
      ...['--volume', mounted],
    );
    // A network of its own, where its port is free; all of it goes with this one process.
    const up = ['sh', '-c', 'ip link set lo up && exec "$@"', 'sh'];
    const apart = ['--net', '--pid', '--fork', '--kill-child'];
    const server = spawn('unshare', [...apart, ...up, ...serve], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const { said, done } = listen(server);
    try {
      await until(() => said.stdout.includes('\n') || server.exitCode !== null);
      expect(said.stdout).toContain('serving site');
      const beside = (command: readonly string[]): Promise<Run> => {
        const [children] = fs
          .readFileSync(`/proc/${server.pid}/task/${server.pid}/children`, 'utf8')
          .split(' ');
        const args = ['--net', `--target=${children!}`, '--', ...command];
        return listen(spawn('nsenter', args, { stdio: ['ignore', 'pipe', 'pipe'] })).done;
      };
      const [kind, ...check] = image.Healthcheck.Test;
      expect(kind).toBe('CMD');
      expect(await beside(inside(check))).toMatchObject({ code: 0 });
      // By how it ends: buildah may drop what a process said last.
      const write =
        "fs.access('/usr/lib/coatcheck', fs.constants.W_OK, (e) => process.exit(e?.code === 'EACCES' ? 42 : 0))";
      expect(await beside(inside(['node', '-e', write]))).toMatchObject({ code: 42 });

      const run = async (name: string, ...args: string[]): Promise<string> => {
        const file = join(inject('commands'), `${name}.mjs`);
        const ran = await beside([process.execPath, file, ...args]);
        expect(ran).toMatchObject({ code: 0 });
        return ran.stdout;
      };
      const key = join(folder, 'node.key');
      const agent = ['--key', key, '--site', join(site, 'site.json')];
      for (const root of ['old', 'fresh'])
        fs.mkdirSync(join(folder, root, 'etc'), { recursive: true });
      fs.writeFileSync(join(folder, 'old/etc/hostname'), 'web1\n');
      const id = (await run('coatcheck-agent', 'key', 'make', 'file', key)).trim();
      await run('coatcheck-agent', '--root', join(folder, 'old'), ...agent, 'propose');
      await run('coatcheck', ...local, 'approve', id, '--yes');
      await run('coatcheck-agent', '--root', join(folder, 'fresh'), ...agent, 'boot', '--once');
      expect(fs.readFileSync(join(folder, 'fresh/etc/hostname'), 'utf8')).toBe('web1\n');

      server.kill('SIGKILL');
      await done;
      const [, ...again] = image.Healthcheck.Test;
      const gone = ['unshare', '--net', ...up, ...inside(again)];
      expect(
        await listen(spawn(gone[0]!, gone.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] })).done,
      ).toMatchObject({ code: 1 });
    } finally {
      server.kill('SIGKILL');
      await done;
    }
  });
});

interface Service {
  readonly image: string;
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes: readonly string[];
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly [key: string]: unknown;
}
const compose = parse(fs.readFileSync(join(FOLDER, 'compose.yaml'), 'utf8'), { merge: true }) as {
  services: Record<'store' | 'users' | 'policy' | 'server', Service>;
  volumes: object;
};

describe('the compose file', () => {
  it.each(Object.entries(compose.services))(
    'starts %s with no right that it does not need',
    (_, service) => {
      expect(service).toMatchObject({
        read_only: true,
        cap_drop: ['ALL'],
        security_opt: ['no-new-privileges:true'],
      });
      if (service.build === undefined) expect(service.image).toMatch(FIXED);
    },
  );

  it('names files that are here, and those of the operator', () => {
    const sources = Object.values(compose.services).flatMap(({ volumes }) =>
      volumes.map((volume) => volume.split(':')[0]!),
    );
    const files = sources.filter((source) => source.startsWith('.') && source !== './site.json');
    for (const file of files) expect(fs.existsSync(join(FOLDER, file)), file).toBe(true);
    const named = sources.filter((source) => !source.startsWith('.'));
    expect([...new Set(named)].sort()).toEqual(Object.keys(compose.volumes).sort());
    const { context, dockerfile } = compose.services.server.build!;
    expect(resolve(FOLDER, context)).toBe(resolve('dist'));
    expect(resolve(FOLDER, context, dockerfile)).toBe(resolve(CONTAINERFILE));
  });
});

describeWith('versitygw', 'what the compose file runs', () => {
  const folder = temporary('compose');
  afterAll(() => fs.rmSync(folder, { recursive: true }));

  it('gives a versitygw users, a bucket and a policy that the doctor has nothing against, and new secrets when it is run again', async () => {
    const program = (await findProgram('versitygw'))!;
    const variables: Record<string, string> = {
      ROOT_SECRET: secret(),
      ...Object.fromEntries(CREDENTIALS.map((name) => [`${name.toUpperCase()}_SECRET`, secret()])),
    };
    const pair = { accessKeyId: '', secretAccessKey: '' };
    const store = await startVersitygw(program, folder, {
      ...{ rootUser: 'root', rootPassword: variables['ROOT_SECRET']! },
      users: { download: pair, upload: pair, admin: pair },
    });
    // What is mounted is where it is here; the network's name for the store is its address.
    const place = (service: Service, text: string): string => {
      for (const volume of service.volumes) {
        const [from, to] = volume.split(':');
        const here = from!.startsWith('.') ? resolve(FOLDER, from!) : folder;
        if (text === to || text.startsWith(`${to!}/`)) return text.replace(to!, here);
      }
      return text.replace('http://store:7070', store.endpoint);
    };
    const filled = (text: string): string =>
      text.replace(/\$\{(\w+)(?::\?[^}]*)?\}/g, (_, name: string) => variables[name]!);
    const run = (name: 'users' | 'policy'): Promise<Run> => {
      const service = compose.services[name];
      const [shell, ...args] = service.entrypoint!.map((text) => place(service, text));
      const environment = Object.entries(service.environment!).map(([key, value]) => [
        key,
        place(service, filled(value)),
      ]);
      const env = { PATH: [dirname(program), process.env['PATH']].join(delimiter) };
      return listen(
        spawn(shell!, args, {
          env: { ...env, ...(Object.fromEntries(environment) as Record<string, string>) },
          stdio: ['ignore', 'pipe', 'pipe'],
        }),
      ).done;
    };
    const credentials = join(folder, 'credentials.json');
    const doctor = async (): Promise<Run> => {
      const bucket = ['--store', 's3://coatcheck', '--endpoint', store.endpoint];
      // In the container its owner is who reads it.
      if (process.getuid?.() === 0) {
        expect(fs.statSync(credentials).uid).toBe(1000);
        fs.chownSync(credentials, 0, 0);
      }
      const args = [...bucket, '--credentials', credentials];
      return runCli(['--home', join(folder, 'site'), 'doctor', ...args]);
    };
    try {
      await runCli(['--home', join(folder, 'site'), 'init', '--no-passphrase']);
      expect(await run('users')).toMatchObject({ code: 0 });
      expect(await run('policy')).toMatchObject({ code: 0 });
      expect(fs.statSync(credentials).mode & 0o777).toBe(0o600);
      expect(await doctor()).toMatchObject({ code: 0 });
      const before = fs.readFileSync(credentials, 'utf8');
      variables['UPLOAD_SECRET'] = secret();
      expect(await run('users')).toMatchObject({ code: 0 });
      expect(fs.readFileSync(credentials, 'utf8')).not.toBe(before);
      expect(await doctor()).toMatchObject({ code: 0 });
    } finally {
      await store.process.stop();
    }
  });

  it('starts a server with options that it takes', () => {
    const help = execFileSync(process.execPath, [cliProgram(), 'serve', '--help'], {
      encoding: 'utf8',
    });
    const [name, ...options] = compose.services.server.command!;
    expect(name).toBe('serve');
    for (const option of options) expect(help).toContain(` ${option.split('=')[0]!} `);
  });
});
