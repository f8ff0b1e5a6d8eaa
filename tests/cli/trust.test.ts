import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeSignedKeyset, signKeyset } from '../../bundle/index.ts';
import { openKeyFile } from '../../cli/key-file.ts';
import { EXIT } from '../../protocol/errors.ts';
import { approvedKey, keysetKey } from '../../protocol/keys.ts';
import { formatSite } from '../../protocol/site.ts';
import { openDesk, refusal, runCli, startServe } from '../support/cli.ts';
import type { Desk } from '../support/cli.ts';
import { makeNode } from '../support/site.ts';

let desk: Desk;
beforeAll(async () => {
  desk = await openDesk();
});
afterAll(() => desk.close());

describe("a clock that is not the server's", () => {
  it.each(['now() + 3_600_000', 'now() - 3_600_000'])(
    "is named with the server's, and nothing is signed by either: %s",
    async (clock) => {
      const program = `const now = Date.now; Date.now = () => ${clock};`;
      const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(program)}` };
      const run = await runCli(['--home', desk.home, '--server', desk.url, 'pending'], { env });
      expect(refusal(run)).toEqual([EXIT.denied, 'signature_expired']);
      expect(run.stderr).toMatch(/clock here says \S+Z, that of http\S+ \S+Z: set the one/);
    },
  );
});

describe('a site that pins a later keyset', () => {
  it('keeps its record, and says which decision the new images refuse', async () => {
    const { home, site, store } = desk;
    const node = makeNode('of two pins');
    await desk.propose(node, {});
    await desk.json('approve', node.id, '--yes');

    const { pinned } = site;
    const keyFile = fs.readFileSync(join(home, 'admin.key'));
    const identity = await openKeyFile(keyFile, () => Promise.reject(new Error()), 'admin.key');
    const next = signKeyset({ ...pinned.keyset, version: 2, previous: pinned.digest }, [
      { identity, keyIndex: 0 },
    ]);
    await store.create(keysetKey(2), encodeSignedKeyset(next));
    const later = { ...site, pinned: next, ancestors: [pinned] };
    fs.writeFileSync(join(home, 'site.json'), formatSite(later));
    const server = await startServe(['--home', home, 'serve']);
    const run = (...args: string[]) => runCli(['--home', home, '--server', server.url, ...args]);
    try {
      const before = await run('history', node.id);
      expect([before.code, before.stdout]).toEqual([0, expect.stringContaining('approve *')]);
      expect(before.stderr).toMatch(/warning: .* keyset 1, before the pinned 2/);

      const { body } = (await store.get(approvedKey(node.id), { maxBytes: 1e6 }))!;
      const file = join(home, 'decided');
      fs.writeFileSync(file, body);
      const verified = await run('bundle', 'verify', file);
      expect([verified.code, verified.stdout]).toEqual([0, expect.stringContaining('good: ')]);
      expect(verified.stderr).toMatch(/warning: .* keyset 1, before the pinned 2/);

      expect((await run('revoke', node.id, '--reason', 'moved', '--yes')).code).toBe(0);
      const after = await run('history', node.id);
      expect(after.stdout).toMatch(/approve [^*]*revoke \*/);
      expect(after.stderr).not.toContain('warning');
      expect((await run('repair', node.id)).stdout).not.toContain('does not verify');
    } finally {
      await server.stop();
    }
  });
});
