import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sweepPending } from '../../functions/serve/sweep.ts';
import { parseDigest, PENDING_DAYS, pendingKey } from '../../protocol/keys.ts';
import type { Machine } from '../support/machine.ts';
import { makeMachine } from '../support/machine.ts';
import { bootBefore, draftOf, waitingIn } from '../support/boots.ts';
import { startLab } from '../support/lab.ts';
import type { Lab } from '../support/lab.ts';
import { listAll } from '../../store/port.ts';

/** What a machine that waits does where its proposal is not there any more, before a real server. */

let lab: Lab;
beforeAll(async () => {
  lab = await startLab();
});
afterAll(() => lab.close());

const draft = async (): Promise<ReturnType<typeof draftOf>> => Promise.resolve(draftOf('node1'));

const keyOf = ({ identity }: Machine, digest: string) =>
  pendingKey(identity.id, parseDigest(digest));

const bytesOf = async (machine: Machine, digest: string): Promise<Buffer> =>
  Buffer.from((await lab.store.get(keyOf(machine, digest), { maxBytes: 2 ** 24 }))!.body);

/** As after a long holiday. */
async function sweep(machine: Machine): Promise<void> {
  await sweepPending(lab.store, lab.site, Date.now() / 1000 + (PENDING_DAYS + 1) * 24 * 3600);
  for await (const { key } of listAll(lab.store, `pending/${machine.identity.id}/`)) {
    throw new Error(`${key} is still there`);
  }
}

describe('a proposal that waits', () => {
  it('is sent again, the same bytes, where it was swept, also after an outage at the hour', async () => {
    const { machine, found, saw, later } = bootBefore(lab, { draft });
    const digest = await waitingIn(lab, machine);
    const bytes = await bytesOf(machine, digest);
    await saw(digest);
    await sweep(machine);
    await lab.stop();
    later();
    await saw('[server_unreachable]');
    await lab.start();
    expect(await waitingIn(lab, machine)).toBe(digest);
    expect((await bytesOf(machine, digest)).equals(bytes)).toBe(true);
    await saw(`to approve ${digest}, sent `);
    await sweep(machine);
    later();
    expect(await waitingIn(lab, machine)).toBe(digest);
    await lab.approve(machine.identity, digest);
    expect(await found).toHaveProperty('decision.frame.statement.seq', 1);
  });

  it('is left where it is, and waited for, while it is there', async () => {
    const { machine, found, saw, later, end } = bootBefore(lab, { draft });
    const digest = await waitingIn(lab, machine);
    const before = await lab.store.head(keyOf(machine, digest));
    await saw(digest);
    await lab.stop();
    later();
    await saw('[server_unreachable]');
    await lab.start();
    await saw(`to approve ${digest}, sent `);
    end();
    await expect(found).rejects.toMatchObject({ code: 'nothing_approved' });
    expect(await lab.store.head(keyOf(machine, digest))).toEqual(before);
  });

  it('is refused with the same that was refused meanwhile', async () => {
    const { machine, found, saw, later, end } = bootBefore(lab, { draft });
    const digest = await waitingIn(lab, machine);
    await sweep(machine);
    const same = await lab.propose(machine.identity, { 'etc/hostname': 'node1\n' }, {});
    await lab.decide(machine.identity, 'reject', { digest: same, reason: 'not this' });
    later();
    await saw('reason: not this');
    end();
    await expect(found).rejects.toMatchObject({ code: 'rejected', details: { digest: same } });
    expect(await lab.store.head(keyOf(machine, digest))).toBeUndefined();
  });

  it('of an earlier boot is made anew where it is gone: nobody has its bytes', async () => {
    const machine = makeMachine(lab.site);
    const earlier = await lab.propose(machine.identity, { 'etc/hostname': 'earlier\n' });
    const { found, saw, later } = bootBefore(lab, { draft }, { machine });
    await saw(`to approve ${earlier}, sent before`);
    await lab.store.delete(keyOf(machine, earlier));
    later();
    const digest = await waitingIn(lab, machine);
    expect(digest).not.toBe(earlier);
    await lab.approve(machine.identity, digest);
    expect(await found).toHaveProperty('decision.frame.statement.seq', 1);
  });
});
