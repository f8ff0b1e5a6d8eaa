import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { EXIT } from '../../protocol/errors.ts';
import { parseCa } from '../../net/certificates.ts';
import { formatSite, parseSite } from '../../protocol/site.ts';
import { makeAuthority } from '../support/certificates.ts';
import { openDesk, refusal, runCli } from '../support/cli.ts';
import type { Desk } from '../support/cli.ts';
import { makeSite } from '../support/site.ts';

const folder = fs.mkdtempSync(join(tmpdir(), 'coatcheck-set-server-'));
const outputs = join(folder, 'outputs.json');
let desk: Desk;
beforeAll(async () => {
  desk = await openDesk();
});
afterAll(async () => {
  fs.rmSync(folder, { recursive: true });
  await desk.close();
});

const siteFile = (): string => join(desk.home, 'site.json');
const site = () => parseSite(fs.readFileSync(siteFile(), 'utf8'), parseCa);
beforeEach(() => fs.writeFileSync(siteFile(), formatSite(desk.site)));

const set = (args: readonly string[], env: Record<string, string> = {}) =>
  runCli(['--home', desk.home, 'site', 'set-server', ...args], { env });
const writeOutputs = (stacks: object): void => fs.writeFileSync(outputs, JSON.stringify(stacks));

/** A PATH on which `aws` is this shell text. */
function withAws(text: string): Record<string, string> {
  const bin = fs.mkdtempSync(join(folder, 'bin-'));
  fs.writeFileSync(join(bin, 'aws'), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  return { PATH: `${bin}:${process.env['PATH'] ?? ''}` };
}

describe('site set-server', () => {
  it('takes the address of what cdk deploy --outputs-file wrote, and nothing else of it', async () => {
    const more = { CoatcheckBucket: 'b', Site: formatSite(makeSite({ name: 'another' }).site) };
    writeOutputs({ Other: { X: '1' }, Coatcheck: { ...more, CoatcheckServer: desk.url } });
    const { code, stdout } = await set(['--outputs', outputs]);
    expect([code, stdout]).toEqual([0, expect.stringContaining(`${desk.url} serves this site`)]);
    expect(site()).toEqual({ ...desk.site, servers: [desk.url] });
    expect((await runCli(['--home', desk.home, 'pending'])).code).toBe(0);
  });

  it('finds it below a construct of somebody, and names those that there are where they are several', async () => {
    writeOutputs({ Own: { GridCoatcheckServer12AB34CD: desk.url } });
    expect((await set(['--outputs', outputs])).code).toBe(0);
    expect(site().servers).toEqual([desk.url]);
    writeOutputs({ A: { CoatcheckServer: desk.url }, B: { CoatcheckServer: 'http://b.example' } });
    const several = await set(['--outputs', outputs]);
    expect(refusal(several)).toEqual([EXIT.usage, 'file_malformed']);
    expect(several.stderr).toContain('http://b.example');
  });

  it('takes it from a stack, as the AWS CLI tells', async () => {
    const asked = join(folder, 'asked');
    const pairs = JSON.stringify([{ OutputKey: 'CoatcheckServer', OutputValue: desk.url }]);
    const env = withAws(`echo "$@" > ${asked}; echo '${pairs}'`);
    expect((await set(['--from-stack', 'Grid'], env)).code).toBe(0);
    expect(site().servers).toEqual([desk.url]);
    expect(fs.readFileSync(asked, 'utf8')).toBe(
      'cloudformation describe-stacks --stack-name=Grid --query Stacks[0].Outputs --output json\n',
    );
    const failed = await set(
      ['--from-stack', 'Grid'],
      withAws('echo "no such stack" >&2; exit 254'),
    );
    expect(refusal(failed)[1]).toBe('step_failed');
    expect(failed.stderr).toContain('aws: no such stack');
    const empty = await set(['--from-stack', 'Grid'], withAws('echo null'));
    expect(empty.stderr).toContain('no output CoatcheckServer');
  });

  it('leaves what site.json was changed to while it asked, and writes nothing beside another CA', async () => {
    const pairs = JSON.stringify([{ OutputKey: 'CoatcheckServer', OutputValue: desk.url }]);
    const meanwhile = (changed: typeof desk.site) => {
      const file = join(folder, 'meanwhile.json');
      fs.writeFileSync(file, formatSite(changed));
      return withAws(`cp ${file} ${siteFile()}; echo '${pairs}'`);
    };
    const paths = [{ pattern: 'etc/vdsm/**' }];
    expect((await set(['--from-stack', 'Grid'], meanwhile({ ...desk.site, paths }))).code).toBe(0);
    expect(site()).toEqual({ ...desk.site, paths, servers: [desk.url] });
    const { ca } = makeAuthority(join(folder, 'meanwhile-ca'));
    const env = meanwhile({ ...desk.site, ca });
    expect(refusal(await set(['--from-stack', 'Grid'], env))).toEqual([EXIT.conflict, 'in_use']);
    expect(site()).toEqual({ ...desk.site, ca });
  });

  it('writes nothing where another site answers, nothing does, or what is given is none', async () => {
    const before = fs.readFileSync(siteFile(), 'utf8');
    const other = await openDesk();
    const refused = async (args: string[]) => {
      const [exit, code] = refusal(await set(args));
      expect(fs.readFileSync(siteFile(), 'utf8')).toBe(before);
      return [exit, code];
    };
    expect(await refused(['--server', other.url])).toEqual([EXIT.denied, 'wrong_site']);
    await other.close();
    const nobody = 'http://127.0.0.1:1';
    expect(await refused(['--server', nobody])).toEqual([EXIT.unavailable, 'server_unreachable']);
    const asked = await runCli(['--home', desk.home, '--server', nobody, 'pending']);
    expect(asked.stderr).toContain(
      `--server URL for once, and by coatcheck --home ${desk.home} site set-server URL for good`,
    );
    expect(await refused([])).toEqual([EXIT.usage, 'usage']);
    writeOutputs({ Coatcheck: { Url: desk.url } });
    expect(await refused(['--outputs', outputs])).toEqual([EXIT.usage, 'file_malformed']);
    fs.writeFileSync(outputs, 'x');
    expect(await refused(['--outputs', outputs])).toEqual([EXIT.usage, 'file_malformed']);
    writeOutputs({ Coatcheck: { CoatcheckServer: 'ftp://x' } });
    expect(await refused(['--outputs', outputs])).toEqual([EXIT.usage, 'usage']);
  });

  it('takes the address that stands behind it, before that of the environment, and no second one', async () => {
    const elsewhere = { COATCHECK_SERVER: 'http://127.0.0.1:1' };
    expect((await set([desk.url], elsewhere)).code).toBe(0);
    expect(site().servers).toEqual([desk.url]);
    writeOutputs({ Coatcheck: { CoatcheckServer: desk.url } });
    expect(refusal(await set([desk.url, '--outputs', outputs]))).toEqual([EXIT.usage, 'usage']);
  });

  it('takes whom to believe from a file, and forgets it again', async () => {
    const { ca, caFile } = makeAuthority(join(folder, 'ca'));
    expect((await set(['--server', desk.url, '--ca', caFile])).code).toBe(0);
    expect(site().ca).toBe(ca);
    expect((await set(['--server', desk.url])).stderr).toContain('--no-ca');
    expect(site().ca).toBe(ca);
    expect((await set(['--server', desk.url, '--no-ca'])).code).toBe(0);
    expect(site()).not.toHaveProperty('ca');
  });
});
