import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildAgentDeb } from '../../packaging/deb/agent.ts';
import { describeWith } from '../support/components.ts';
import { agentProgram } from '../support/machine.ts';

const DATE = 1_700_000_000;

describeWith('dpkg', "the agent's Debian package", () => {
  const folder = fs.mkdtempSync(join(tmpdir(), 'coatcheck-deb-'));
  let deb: string;
  const made = (out: string): Promise<string> =>
    buildAgentDeb({ agent: agentProgram(), out: join(folder, out), date: DATE });
  const dpkg = (...args: string[]): string => execFileSync('dpkg-deb', args, { encoding: 'utf8' });

  beforeAll(async () => {
    deb = await made('one');
  });
  afterAll(() => fs.rmSync(folder, { recursive: true }));

  it('is the same bytes from the same inputs, whatever the umask', async () => {
    const before = process.umask(0o077);
    try {
      const second = await made('two');
      expect(fs.readFileSync(second).equals(fs.readFileSync(deb))).toBe(true);
    } finally {
      process.umask(before);
    }
    expect(fs.readdirSync(join(folder, 'one'))).toEqual([
      expect.stringMatching(/^coatcheck-agent_[0-9][0-9.~a-z]*_all\.deb$/),
    ]);
  });

  it('has files of root that nobody else may write, and an empty /etc/coatcheck', () => {
    const lines = dpkg('--contents', deb).trimEnd().split('\n');
    for (const line of lines)
      expect(line).toMatch(/^(drwxr-xr-x|-rw.r-.r-.|lrwxrwxrwx) root\/root /);
    const paths = lines.map((line) => line.replace(/ -> .*/, '').replace(/^.* \.\//, ''));
    expect(paths.filter((path) => path.startsWith('etc/'))).toEqual(['etc/', 'etc/coatcheck/']);
    const runnable = lines.filter((line) => line.startsWith('-rwx')).map((line) => line.slice(-28));
    expect(runnable.join('\n')).toContain('coatcheck-agent.mjs');
    expect(runnable.join('\n')).toContain('coatcheck-generator');
    for (const name of ['foreman', 'freeipa', 'webhook']) {
      expect(runnable.join('\n')).toContain(`/ready.d/${name}`);
    }
    expect(paths).toContain('usr/lib/coatcheck/ready.d/common');
    const units = fs.readdirSync('agent/units').filter((name) => name.includes('.'));
    for (const unit of units) expect(paths).toContain(`usr/lib/systemd/system/${unit}`);
  });

  it('says what it needs: a Node that is new enough', () => {
    const { engines } = JSON.parse(fs.readFileSync('package.json', 'utf8')) as {
      engines: { node: string };
    };
    const depends = dpkg('--field', deb, 'Depends').trim();
    expect(depends).toBe(`nodejs (>= ${engines.node.replace('>=', '')})`);
  });

  it('names who wrote what is in the agent', async () => {
    const { metafile } = await build({
      ...{ entryPoints: ['agent/main.ts'], bundle: true, platform: 'node', format: 'esm' },
      ...{ write: false, metafile: true, target: 'node20.19' },
    });
    const inputs = Object.values(metafile.outputs)[0]!.inputs;
    const packages = Object.entries(inputs).flatMap(([path, { bytesInOutput }]) => {
      const name = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1];
      return name === undefined || bytesInOutput === 0 ? [] : [name];
    });
    dpkg('--extract', deb, join(folder, 'root'));
    const file = join(folder, 'root/usr/share/doc/coatcheck-agent/copyright');
    const named = [...fs.readFileSync(file, 'utf8').matchAll(/^Files: node_modules\/(.*)\/\*$/gm)];
    expect(named.map(([, name]) => name).sort()).toEqual([...new Set(packages)].sort());
  });
});
