import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StatusView } from '../../admin/index.ts';
import { deriveIdentity } from '../../bundle/index.ts';
import type { Identity } from '../../bundle/index.ts';
import { EXIT } from '../../protocol/errors.ts';
import { openDesk, refusal } from '../support/cli.ts';
import type { Desk } from '../support/cli.ts';

let desk: Desk;
beforeAll(async () => {
  desk = await openDesk();
});
afterAll(() => desk.close());

const newNode = (): Identity => deriveIdentity(Uint8Array.from(randomBytes(32)));

describe('status', () => {
  it('shows every node with its state, narrows down, and says by its exit code what is so', async () => {
    const [known, claimant] = [newNode(), newNode()];
    expect((await desk.run('status', '--exit-code')).code).toBe(0);
    await desk.propose(known, { metadata: { hostname: 'gx001' } });
    await desk.json('approve', known.id, '--yes', '--expires', '1d');
    expect((await desk.run('status', '--exit-code')).code).toBe(0);
    await desk.propose(claimant, { metadata: { hostname: 'gx001' } });

    const { nodes } = await desk.json<{ nodes: StatusView[] }>('status');
    expect(nodes).toMatchObject([
      { node: claimant.id, states: ['waiting', 'first'], waiting: [{ hostname: 'gx001' }] },
      { node: known.id, name: 'gx001', states: ['expiring', 'never-booted', 'in-force'] },
    ]);
    const shown = (await desk.run('status')).stdout;
    expect(shown).toContain('claims gx001');
    expect(shown).toContain(nodes[0]!.words);
    expect(shown).toContain(`what waits claims gx001, which is in force for ${known.id}`);

    for (const [args, ids] of [
      [['state=waiting'], [claimant.id]],
      [['--where', 'name=gx001 expires<2d'], [known.id]],
      [['gx*', 'state!=first'], [known.id]],
      [['state=failed'], []],
    ] as const) {
      const found = await desk.json<{ nodes: StatusView[] }>('status', ...args);
      expect(found.nodes.map(({ node }) => node)).toEqual(ids);
    }
    const waits = await desk.run('status', '--exit-code');
    expect(refusal(waits)).toEqual([EXIT.waiting, 'waiting']);
    expect((await desk.run('status', 'state=in-force', '--exit-code')).code).toBe(0);
    const wrong = await desk.run('status', 'stat=x');
    expect(refusal(wrong)).toEqual([EXIT.usage, 'usage']);
    expect(wrong.stderr).toContain('at character 1');
    // What was read is beside the key, and what is there is not needed.
    const cache = join(desk.home, 'status.cache');
    expect(fs.statSync(cache).mode & 0o777).toBe(0o600);
    expect(fs.readFileSync(cache, 'latin1')).not.toContain('gx001');
    fs.writeFileSync(cache, 'damaged');
    expect((await desk.json<{ nodes: StatusView[] }>('status')).nodes).toEqual(nodes);
    // A name in force names a node to decide about, and a claimed one never does.
    expect((await desk.run('reconfigure', 'gx001', '--yes')).code).toBe(0);
  });
});
