import * as fs from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { encodeFrame, decodeFrame } from '../../bundle/frame.ts';
import { EXIT } from '../../protocol/errors.ts';
import { approvedKey, historyKey, parseDigest, rejectedKey } from '../../protocol/keys.ts';
import type { ObjectKey } from '../../protocol/keys.ts';
import { openDesk } from '../support/cli.ts';
import type { Desk } from '../support/cli.ts';
import { makeMachine } from '../support/machine.ts';
import type { Machine } from '../support/machine.ts';
import type { Run } from '../support/run.ts';
import { makeIdentity, propose } from '../support/site.ts';

// Salt's pillar was encrypted to the minion, and signed by nobody: anybody could put in their own.
describe("Salt CVE-2022-22934: one node's approval given to another fails", () => {
  let desk: Desk;
  let alpha: Machine;
  let beta: Machine;
  const machines: Machine[] = [];
  beforeAll(async () => {
    desk = await openDesk();
    [alpha, beta] = [await approved('alpha'), await approved('beta')];
  });
  afterEach(() => machines.splice(0).forEach((machine) => machine.remove()));
  afterAll(async () => {
    alpha.remove();
    beta.remove();
    await desk.close();
  });

  async function approved(name: string): Promise<Machine> {
    const machine = makeMachine({ ...desk.site, servers: [desk.url] });
    machine.write('etc/hostname', `${name}\n`);
    await machine.json('propose');
    await desk.json('approve', machine.identity.id, '--yes');
    return machine;
  }
  const bytesOf = async (key: ObjectKey): Promise<Uint8Array> =>
    (await desk.store.get(key, { maxBytes: 2 ** 24 }))!.body;
  const frameOf = (of: Machine): Promise<Uint8Array> => bytesOf(approvedKey(of.identity.id));
  const code = ({ stderr }: Run): string | undefined => /\[(\w+)\]\n$/.exec(stderr)?.[1];
  /** Beta's machine after a reboot, without memory: what it makes of other bytes in the store. */
  async function bootsOn(bytes: Uint8Array): Promise<[number | null, string | undefined]> {
    const key = approvedKey(beta.identity.id);
    const own = await bytesOf(key);
    await desk.store.delete(key);
    await desk.store.create(key, bytes);
    const machine = beta.reboot();
    machines.push(machine);
    const run = await machine.run('boot', '--once');
    expect(machine.tree()).toEqual({});
    await desk.store.delete(key);
    await desk.store.create(key, own);
    return [run.code, code(run)];
  }

  it('in the place of its own', async () => {
    const refused = [EXIT.denied, 'not_this_node'];
    expect(await bootsOn(await frameOf(alpha))).toEqual(refused);
    const copy = beta.path('copy'); // as from a mirror, or a stick
    fs.writeFileSync(copy, await frameOf(alpha));
    const applied = await beta.run('apply', copy);
    expect([applied.code, code(applied)]).toEqual(refused);
  });

  it("nor another node's bundle under its own approval", async () => {
    const maxBytes = 2 ** 24;
    const mine = decodeFrame(await frameOf(beta), { maxBytes });
    const { bundle } = decodeFrame(await frameOf(alpha), { maxBytes });
    expect(await bootsOn(encodeFrame({ ...mine, bundle: bundle! }))).toEqual([
      ...[EXIT.refused, 'digest_mismatch'],
    ]);
  });

  it('nor what a stranger sealed to it, which takes its public key only', async () => {
    const maxBytes = 2 ** 24;
    const mine = decodeFrame(await frameOf(beta), { maxBytes });
    const { keyset } = desk.site.pinned;
    const { statement } = mine.statement;
    for (const by of [makeIdentity('mallory'), beta.identity]) {
      const forged = propose({ keyset, node: beta.identity, by, files: { 'etc/motd': 'forged' } });
      const changed = { ...mine.statement, statement: { ...statement, digest: forged.digest } };
      for (const [signed, expected] of [
        [changed, 'bad_signature'],
        [{ ...changed, signatures: [] }, 'threshold_not_met'],
      ] as const) {
        const frame = encodeFrame({ ...mine, statement: signed, bundle: forged.bytes });
        expect(await bootsOn(frame)).toEqual([EXIT.refused, expected]);
      }
    }
  });

  it('nor its own refusal of another, nor a history that was copied', async () => {
    const machine = makeMachine({ ...desk.site, servers: [desk.url] });
    machines.push(machine);
    machine.write('etc/hostname', 'gamma\n');
    const { digest } = (await machine.json('propose')) as { digest: string };
    const refused = await desk.propose(alpha.identity, { files: { 'etc/motd': 'no\n' } });
    await desk.json('reject', alpha.identity.id, refused, '--reason', 'not this one', '--yes');
    const rejection = await bytesOf(rejectedKey(alpha.identity.id, parseDigest(refused)));
    await desk.store.create(rejectedKey(machine.identity.id, parseDigest(digest)), rejection);
    const waiting = await machine.run('boot', '--once');
    expect(waiting.stderr).not.toContain('not this one');

    // Its slot 1 holds alpha's decision: to every reader that is junk, and never in force.
    const entry = await bytesOf(historyKey(alpha.identity.id, 1));
    await desk.store.create(historyKey(machine.identity.id, 1), entry);
    const { entries } = await desk.json<{ entries: unknown[] }>('history', machine.identity.id);
    expect(entries).toEqual([]);
    expect(await desk.json('repair', machine.identity.id)).toMatchObject({});
    expect(await desk.store.head(approvedKey(machine.identity.id))).toBeUndefined();
  });
});
