import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRack } from './lab.ts';
import type { Rack, Waiting } from './lab.ts';

describe('10: a hostile bucket', () => {
  let rack: Rack | undefined;
  const nodes: Waiting[] = [];
  beforeAll(async () => {
    rack = await openRack('hostile-bucket', { store: 'folder' });
    for (const number of [10, 20]) {
      const machine = await rack.boot(number);
      const waiting = await rack.proposal(...nodes);
      nodes.push(waiting);
      await rack.coatcheck('approve', waiting.node, '--yes');
      await rack.report(waiting.node);
      await machine.stop();
    }
  });
  afterAll(() => rack?.close());

  it.each([
    ['another byte', /does_not_verify|bad_/, (own: Buffer) => flipped(own)],
    ["another machine's", /not_this_node|does_not_verify/, (_: Buffer, other: Buffer) => other],
  ])('applies nothing where the object has %s', async (_, code, change) => {
    const [file, other] = nodes.map(({ node }) =>
      join(rack!.home, 'store', 'objects', 'approved', `${node}.object`),
    );
    const [own, foreign] = [readFileSync(file!), readFileSync(other!)];
    writeFileSync(file!, change(own, foreign));
    const machine = await rack!.boot(10);
    await machine.line(code);
    expect(machine.said()).not.toMatch(/applied decision|login:/);
    writeFileSync(file!, own);
    await machine.line(/applied decision 1/);
    await machine.stop();
  });
});

function flipped(bytes: Buffer): Buffer {
  const changed = Buffer.from(bytes);
  const at = changed.length - 100;
  changed[at] = changed[at]! ^ 1;
  return changed;
}
