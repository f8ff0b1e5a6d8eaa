import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Template } from 'aws-cdk-lib/assertions';
import { EXIT } from '../../protocol/errors.ts';
import type { Authority } from '../support/certificates.ts';
import { authorityOf, openRegion, REGION } from '../support/aws-region.ts';
import type { Region } from '../support/aws-region.ts';
import { deployed } from '../support/aws-template.ts';
import { cliProgram, refusal, runCli } from '../support/cli.ts';
import { describeWith } from '../support/components.ts';
import { agentProgram } from '../support/machine.ts';
import { listen } from '../support/run.ts';
import type { Run } from '../support/run.ts';
import { synthesise } from '../support/template.ts';

const DOMAIN = 'https://coatcheck.example';
/** Of a distribution of CloudFront in front of it. */
const CDN = 'https://cdn.example';

describeWith('lambda', "the bundled functions under AWS's runtime client", () => {
  const folder = fs.mkdtempSync(join(tmpdir(), 'coatcheck-lambda-'));
  const home = join(folder, 'site');
  const outputs = join(folder, 'outputs.json');
  const machine = join(folder, 'machine');
  let region: Region | undefined;
  let own: string;
  let authority: Authority;
  let template: Template;

  const inside = (program: string, args: readonly string[]): Promise<Run> =>
    listen(
      spawn(region!.inside[0]!, [...region!.inside.slice(1), process.execPath, program, ...args], {
        env: { PATH: process.env['PATH'] ?? '', TZ: 'UTC' },
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    ).done;
  const admin = (...args: string[]): Promise<Run> =>
    inside(cliProgram(), ['--home', home, ...args]);
  const agent = (root: string, ...args: string[]): Promise<Run> =>
    inside(agentProgram(), [
      ...['--root', join(machine, root), '--key', join(machine, 'key')],
      ...['--site', join(home, 'site.json'), '--state', join(machine, `state-${root}`), ...args],
    ]);
  /** The functions' own lines: nothing else is on their stdout. */
  const lines = (): Record<string, unknown>[] =>
    region!
      .log()
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  const must = async (run: Promise<Run>): Promise<string> => {
    const { code, stdout, stderr } = await run;
    expect(code, stderr).toBe(0);
    return stdout;
  };

  beforeAll(async () => {
    authority = authorityOf(folder);
    await must(runCli(['--home', home, 'init', '--no-passphrase', '--ca', authority.caFile]));
    const made = synthesise({
      ...{ site: join(home, 'site.json'), domain: new URL(DOMAIN).host },
      certificate: 'arn:aws:acm:us-east-1:1:certificate/x',
      ...{ probe: 'true', publicUrls: CDN },
    });
    ({ template } = made);
    const site = deployed(template, made.folder, REGION);
    own = `https://${site.hosts.find((host) => host.includes('execute-api'))!}`;
    region = await openRegion(folder, authority, site);
    for (const root of ['root', 'fresh'])
      fs.mkdirSync(join(machine, root, 'etc'), { recursive: true });
    fs.writeFileSync(join(machine, 'root', 'etc', 'hostname'), 'web1\n');
    await must(inside(agentProgram(), ['key', 'make', 'file', join(machine, 'key')]));
  });
  afterAll(async () => {
    await region?.close();
    fs.rmSync(folder, { recursive: true });
  });

  it('take a machine from its proposal over an approval to a boot, under the name of the domain', async () => {
    fs.writeFileSync(outputs, JSON.stringify({ Coatcheck: { CoatcheckServer: DOMAIN } }));
    await must(admin('site', 'set-server', '--outputs', outputs));
    await must(agent('root', 'propose'));
    const { nodes } = JSON.parse(await must(admin('--json', 'status'))) as {
      nodes: { node: string }[];
    };
    const [{ node }] = nodes as [{ node: string }];
    await must(admin('approve', node, '--yes'));
    await must(agent('fresh', 'boot', '--once'));
    expect(fs.readFileSync(join(machine, 'fresh', 'etc', 'hostname'), 'utf8')).toBe('web1\n');
    expect(await must(admin('history', node))).toContain('approve');
  });

  it.each([
    ['the API itself', () => own, {}],
    ['CloudFront', () => CDN, {}],
    ['bodies in base64', () => DOMAIN, { base64: true }],
    [
      'queries that were decoded on the way, where they say the same then',
      () => DOMAIN,
      { decoded: true },
    ],
  ])('answer through %s', async (name, server, order) => {
    await region!.order(order);
    const at = ['--server', server()];
    fs.writeFileSync(join(machine, 'root', 'etc', 'motd'), `${name}\n`);
    await must(agent('root', 'propose'));
    const { nodes } = JSON.parse(await must(admin(...at, '--json', 'status'))) as {
      nodes: { node: string }[];
    };
    await must(admin(...at, 'approve', nodes[0]!.node, '--yes'));
    await must(agent('fresh', 'boot', '--once'));
    expect(fs.readFileSync(join(machine, 'fresh', 'etc', 'motd'), 'utf8')).toBe(`${name}\n`);
    await region!.order({});
  });

  it.each([
    [403, 'server_garbage'], // its WAF
    [502, 'server_unreachable'],
    [503, 'server_unreachable'],
    [504, 'server_unreachable'],
  ])(
    'say in one line what a page of CloudFront with %i is, and whose it is',
    async (status, code) => {
      await region!.order({ refuse: { status, times: 100, by: 'CloudFront' } });
      const run = await admin('--server', CDN, 'status');
      await region!.order({});
      expect(refusal(run), run.stderr).toEqual([EXIT.unavailable, code]);
      expect(run.stderr).toMatch(new RegExp(`${status} .*"CloudFront"`));
      expect(run.stderr).not.toMatch(/<|HTML/);
    },
  );

  it.each([
    [429, 'server_unreachable'],
    [503, 'server_unreachable'],
    [500, 'server_garbage'],
    [404, 'server_garbage'],
  ])("say in one line what the gateway's own %i is", async (status, code) => {
    await region!.order({ refuse: { status, times: 100 } });
    const run = await admin('status');
    await region!.order({});
    expect(refusal(run), run.stderr).toEqual([EXIT.unavailable, code]);
    expect(run.stderr).toContain(String(status));
  });

  it('probe the store with each role, for an administrator, and once a minute', async () => {
    const { code, stdout, stderr } = await admin('--json', 'doctor', '--deployed');
    const { findings } = JSON.parse(stdout) as {
      findings: { probe: string; status: string; found: string }[];
    };
    const failed = findings.filter(({ status }) => status === 'fail');
    // Of the MinIO that plays S3 here, as `coatcheck doctor` says of one without a deployment.
    expect(failed, stderr).toEqual([]);
    expect(code, stderr).toBe(0);
    const rights = findings.filter(({ probe }) => /^(download|upload|admin) may /.test(probe));
    expect(rights).toHaveLength(12);
    expect(rights.every(({ found }) => found === 'and nothing else')).toBe(true);
    const again = await admin('doctor', '--deployed');
    expect(refusal(again), again.stderr).toEqual([EXIT.unavailable, 'too_soon']);
  });

  it('answer a request that has cookies', async () => {
    const script = `const answer = await fetch(process.argv[1] + '/v1/health', { headers: { cookie: 'a=b; c=d' } });
      console.log(answer.status, answer.headers.get('x-request-id'));`;
    const env = [`NODE_EXTRA_CA_CERTS=${authority.caFile}`, process.execPath];
    const [program, ...args] = [...region!.inside, 'env', ...env];
    const child = spawn(program!, [...args, '--input-type=module', '-e', script, DOMAIN], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    expect(await must(listen(child).done)).toMatch(/^200 [0-9a-f]{16}\n$/);
  });

  it('count what waits when the schedule asks, in a line that a filter of the template finds', async () => {
    fs.writeFileSync(join(machine, 'root', 'etc', 'motd'), 'one more\n');
    await must(agent('root', 'propose'));
    await region!.order({ count: true });
    const line = lines().find((one) => 'waiting' in one)!;
    expect(line).toEqual({
      time: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      waiting: 1,
      oldestSeconds: expect.any(Number) as number,
    });
    const filters = Object.values(template.findResources('AWS::Logs::MetricFilter')).map(
      ({ Properties }) => (Properties as { FilterPattern: string }).FilterPattern,
    );
    expect(filters.toSorted()).toEqual(['{ $.oldestSeconds = "*" }', '{ $.waiting = "*" }']);
  });

  it('write a line of JSON for each request, with its time, id, node and route, and no secret', () => {
    const config = lines().find((one) => one['route'] === '/v1/nodes/:node/config');
    expect(config).toMatchObject({
      time: expect.any(String) as string,
      id: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
      node: expect.stringMatching(/^[a-z2-7]{32}$/) as string,
      milliseconds: expect.any(Number) as number,
      status: 200,
    });
    expect(region!.log()).not.toMatch(/X-Amz-|signature=|eyJ/i);
  });
});
