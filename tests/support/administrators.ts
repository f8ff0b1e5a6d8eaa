import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseCa } from '../../net/certificates.ts';
import { parseSite } from '../../protocol/site.ts';
import { refusal, runCli } from './cli.ts';
import type { Desk } from './cli.ts';
import type { makeNode } from './site.ts';
import type { Run } from './run.ts';

/** Administrators beside the `ada` of a desk, each with a folder of their own. */
export interface Administrators {
  /** A place in their common folder. */
  at(name: string): string;
  /** A command of one of them. */
  as(name: string, ...args: string[]): Promise<Run>;
  /** The same, as soon as the server knows the key, and the keyset: within a minute. */
  once(name: string, ...args: string[]): Promise<Run>;
  /** `once`, of a command that must succeed. @returns what it printed */
  ok(name: string, ...args: string[]): Promise<string>;
  /** A key, and the file that asks for it to be added: `at(NAME.json)`. */
  request(name: string): Promise<void>;
  /** Adds whom `request` made, at a site where one signature is enough. */
  add(name: string): Promise<void>;
  /** For whom a bundle of this node is sealed: what a server shows new proposers is a minute behind. */
  readonly recipients: (node: ReturnType<typeof makeNode>) => Uint8Array[];
  close(): void;
}

/** Makes room for administrators of the site of a desk. */
export function administratorsOf(desk: Desk): Administrators {
  const folder = mkdtempSync(join(tmpdir(), 'coatcheck-admins-'));
  const at = (name: string): string => join(folder, name);
  const as = (name: string, ...args: string[]): Promise<Run> =>
    name === 'ada'
      ? desk.run(...args)
      : runCli(['--home', at(name), '--server', desk.url, ...args]);
  const once: Administrators['once'] = async (name, ...args) => {
    for (;;) {
      const run = await as(name, ...args);
      if (!['not_an_admin', 'stale_keyset'].includes(refusal(run)[1] ?? '')) return run;
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  };
  const ok: Administrators['ok'] = async (name, ...args) => {
    const { code, stdout, stderr } = await once(name, ...args);
    if (code !== 0) throw new Error(`${name}: ${args.join(' ')}: exit ${code}: ${stderr}`);
    return stdout;
  };
  const request: Administrators['request'] = async (name) => {
    const init = ['init', '--request', at(`${name}.json`), '--admin-name', name];
    const { code, stderr } = await runCli(['--home', at(name), ...init, '--no-passphrase']);
    if (code !== 0) throw new Error(stderr);
  };
  return {
    ...{ at, as, once, ok, request },
    add: async (name) => {
      await request(name);
      await ok('ada', 'keys', 'add', at(`${name}.json`), '--yes');
      const answer = ['init', '--answer', at(`${name}.site.json`), '--yes'];
      const { code, stderr } = await runCli(['--home', at(name), ...answer]);
      if (code !== 0) throw new Error(stderr);
    },
    recipients: (node) => {
      const text = readFileSync(join(desk.home, 'site.json'), 'utf8');
      const { keys } = parseSite(text, parseCa).pinned.keyset;
      return [node.boxKey, ...keys.map(({ boxKey }) => boxKey)];
    },
    close: () => {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
