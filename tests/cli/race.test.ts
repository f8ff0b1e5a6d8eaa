// @module-tag long
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { deriveIdentity } from '../../bundle/index.ts';
import { EXIT } from '../../protocol/errors.ts';
import { administratorsOf } from '../support/administrators.ts';
import type { Administrators } from '../support/administrators.ts';
import { openDesk } from '../support/cli.ts';
import type { Desk } from '../support/cli.ts';

let desk: Desk;
let admins: Administrators;
beforeAll(async () => {
  desk = await openDesk();
  admins = administratorsOf(desk);
  await admins.add('bob');
  // From here on the server knows who bob is.
  await admins.ok('bob', 'pending');
});
afterAll(async () => {
  admins.close();
  await desk.close();
});

const NAMES = ['ada', 'bob'] as const;
const APPROVE = ['approve'];
const REJECT = ['reject', '--reason', 'no'];

it.each([
  ['approve and reject', [APPROVE, REJECT]],
  ['reject and approve', [REJECT, APPROVE]],
  ['approve both', [APPROVE, APPROVE]],
])('two who %s at one moment decide once, and the other is told whose it is', async (_, both) => {
  for (let round = 0; round < 3; round++) {
    const node = deriveIdentity(Uint8Array.from(randomBytes(32)));
    const digest = await desk.propose(node, { recipients: admins.recipients(node) });
    const runs = await Promise.all(
      both.map(([command, ...options], i) =>
        admins.as(
          NAMES[i]!,
          command!,
          node.id,
          ...(command === 'reject' ? [digest] : []),
          ...options,
          '--yes',
        ),
      ),
    );
    const { entries } = await desk.json<{ entries: { decidedBy: string[] }[] }>('history', node.id);
    expect(entries).toHaveLength(1);
    // Also where both sign the same statement, within one second: it is of whoever came first.
    expect(runs.filter(({ code }) => code === 0)).toHaveLength(1);
    const winner = runs.findIndex(({ code }) => code === 0);
    // Who comes when it is over finds nothing that waits.
    expect([EXIT.conflict, EXIT.notFound]).toContain(runs[1 - winner]!.code);
    const decision = `${both[winner]![0]} (seq 1) by ${NAMES[winner]}`;
    expect(runs[1 - winner]!.stderr).toContain(decision);
    expect(entries.map(({ decidedBy }) => decidedBy)).toEqual([[NAMES[winner]]]);
  }
});
