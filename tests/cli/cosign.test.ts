// @module-tag long
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { administratorsOf } from '../support/administrators.ts';
import type { Administrators } from '../support/administrators.ts';
import { openDesk, refusal, runCli } from '../support/cli.ts';
import type { Desk } from '../support/cli.ts';
import { makeMachine } from '../support/machine.ts';
import type { Machine } from '../support/machine.ts';
import type { Run } from '../support/run.ts';
import { makeNode } from '../support/site.ts';

interface StatusLine {
  readonly node: string;
  readonly states: readonly string[];
  readonly cosigned?: readonly { readonly signedBy: readonly string[]; readonly isVoid: boolean }[];
}

/** What a line on stderr must be where a signature is left for others. */
const UNDERSIGNED = [13, 'undersigned'];

describe('two of three', () => {
  let desk: Desk;
  /** At work all the time, and off until the administrators have changed twice. */
  let machines: Record<'on' | 'off', Machine>;
  const [asked, revoked, refused, bare, waits] = [
    ...[makeNode('asked'), makeNode('revoked'), makeNode('refused')],
    ...[makeNode('bare'), makeNode('waits')],
  ] as const;
  let admins: Administrators;
  const as = (name: string, ...args: string[]): Promise<Run> => admins.as(name, ...args);
  const once = (name: string, ...args: string[]): Promise<Run> => admins.once(name, ...args);
  const at = (name: string): string => admins.at(name);
  const ok = async (run: Promise<Run>): Promise<string> => {
    const { code, stdout, stderr } = await run;
    expect([code, stderr]).toEqual([0, expect.any(String)]);
    return stdout;
  };
  const entries = async (node: string): Promise<string[]> => {
    const history = await desk.json<{ entries: { type: string }[] }>('history', node);
    return history.entries.map(({ type }) => type);
  };
  const states = async (): Promise<Record<string, StatusLine>> => {
    const { nodes } = await desk.json<{ nodes: StatusLine[] }>('status');
    return Object.fromEntries(nodes.map((line) => [line.node, line]));
  };
  beforeAll(async () => {
    desk = await openDesk();
    const site = { ...desk.site, servers: [desk.url] };
    machines = { on: makeMachine(site), off: makeMachine(site) };
    admins = administratorsOf(desk);
    for (const name of ['bob', 'cyd']) await admins.add(name);
    const { recipients } = admins;
    const all = [machines.on.identity, machines.off.identity, asked, revoked, refused, waits];
    for (const node of all) await desk.propose(node, { recipients: recipients(node) });
    for (const { id } of all.slice(0, 4)) await ok(once('ada', 'approve', id, '--yes'));
    await ok(as('ada', 'reconfigure', asked.id, '--yes'));
    await ok(as('ada', 'reconfigure', bare.id, '--yes'));
    await ok(as('ada', 'revoke', revoked.id, '--reason', 'gone', '--yes'));
    await ok(as('ada', 'reject', refused.id, '--reason', 'no', '--yes'));
    for (const machine of Object.values(machines)) await ok(machine.run('boot', '--once'));
    // Made by one, the last time; what is in force wants two from then on.
    expect(refusal(await as('ada', 'keys', 'threshold', '2', '--yes'))).toEqual(UNDERSIGNED);
    expect(await ok(once('bob', 'keys', 'reseal', '--yes'))).toContain('pins keyset 4');
  });
  afterAll(async () => {
    for (const machine of Object.values(machines)) machine.remove();
    admins.close();
    await desk.close();
  });

  it('sign one decision: the first leaves a signature, and the second makes it', async () => {
    const { id } = machines.on.identity;
    const first = await once('ada', 'revoke', id, '--reason', 'moved', '--yes');
    expect(refusal(first)).toEqual(UNDERSIGNED);
    expect(first.stderr).toContain('1 of 2 signatures (ada); lacks one of bob, cyd');
    const line = (await states())[id]!;
    expect(line.states).toContain('undersigned');
    expect(line.cosigned).toMatchObject([{ signedBy: ['ada'], isVoid: false }]);
    expect(await ok(once('bob', 'show', id))).toContain('lacks one of bob, cyd');
    const again = await as('bob', 'revoke', id, '--reason', 'mine', '--yes');
    expect(refusal(again)).toEqual([4, 'cosigned']);
    expect(await ok(as('bob', 'cosign', id, '--yes'))).toContain(`revoked ${id}`);
    expect((await states())[id]!.cosigned).toBeUndefined();
    expect(refusal(await as('cyd', 'cosign', id, '--yes'))).toEqual([5, 'not_found']);
  });

  it('make one decision of two at once, and the other is told whose', async () => {
    const { id } = machines.on.identity;
    const both = ['rack 7', 'rack 8'].map((reason, i) =>
      once(['ada', 'cyd'][i]!, 'reconfigure', id, '--reason', reason, '--yes'),
    );
    const told = (await Promise.all(both)).map(refusal);
    for (const one of told) expect([UNDERSIGNED, [4, 'cosigned']]).toContainEqual(one);
    // Of two statements that lie there, each is to be joined by the other's maker, or by a third.
    const before = await entries(id);
    const mine = await as('ada', 'cosign', id, '--yes');
    if (mine.code !== 0) await ok(as('bob', 'cosign', id, '--yes'));
    expect(await entries(id)).toEqual([...before, 'reconfigure']);
    expect((await states())[id]!.cosigned).toBeUndefined();
    expect(refusal(await as('cyd', 'cosign', id, '--yes'))).toEqual([5, 'not_found']);
  });

  it('approve a first proposal by its words or id alone', async () => {
    expect(refusal(await once('cyd', 'approve', waits.id, '--yes'))).toEqual(UNDERSIGNED);
    const pending = await ok(as('ada', 'pending'));
    expect(pending).toContain('1 of 2 signatures (cyd); lacks one of ada, bob');
    const all = await as('ada', '--json', 'cosign', '--all-waiting', '--yes');
    expect(all.stdout).not.toContain(`"node": "${waits.id}",\n      "type": "approve"`);
    expect(await ok(as('ada', 'cosign', waits.id, '--yes'))).toContain(`approved ${waits.id}`);
  });

  it('decide about many: each is left, and signed with the others', async () => {
    const ids = [machines.on.identity.id, machines.off.identity.id];
    const first = await once('ada', '--json', 'reconfigure', ...ids, '--reason', 'all', '--yes');
    expect(first.code).toBe(13);
    const { undersigned } = JSON.parse(first.stdout) as { undersigned: { node: string }[] };
    expect(undersigned.map(({ node }) => node).sort()).toEqual([...ids].sort());
    const again = await as('ada', 'reconfigure', ...ids, '--reason', 'all', '--yes');
    expect([again.code, again.stdout]).toEqual([13, expect.stringContaining('lacks one of')]);
    expect((await as('bob', 'reconfigure', ...ids, '--reason', 'all', '--yes')).code).toBe(9);
    const all = await once('bob', '--json', 'cosign', '--all-waiting', '--yes');
    expect(all.code).toBe(0);
    const { decisions } = JSON.parse(all.stdout) as { decisions: { node: string }[] };
    expect(decisions.map(({ node }) => node).sort()).toEqual([...ids].sort());
    for (const id of ids) expect((await entries(id)).at(-1)).toBe('reconfigure');
    // What each had before is in force for them again.
    const off = machines.off.identity.id;
    const back = await once('ada', 'rollback', off, '1', '--reason', 'back', '--yes');
    expect(refusal(back)).toEqual(UNDERSIGNED);
    expect(await ok(once('cyd', 'cosign', off, '--yes'))).toContain('rolled back');
  });

  it('add and remove by a file that both sign, and sign again what is in force', async () => {
    await admins.request('dan');
    const file = at('keyset.json');
    const begun = await once('ada', 'keys', 'add', at('dan.json'), '--to', file, '--yes');
    expect(refusal(begun)).toEqual(UNDERSIGNED);
    const signed = await once('bob', 'keys', 'sign', file, '--yes');
    expect(refusal({ ...signed })[0]).toBe(13); // made, and what is in force lacks signatures
    expect(signed.stdout).toContain('made keyset 5');
    expect(signed.stdout).toContain('add dan');
    await ok(runCli(['--home', at('dan'), 'init', '--answer', at('dan.site.json'), '--yes']));
    expect(await ok(once('cyd', 'keys', 'reseal', '--yes'))).toContain('pins keyset 5');

    const out = at('keyset-6.json');
    const removing = await once('dan', 'keys', 'remove', 'bob', '--to', out, '--yes');
    expect(refusal(removing)).toEqual(UNDERSIGNED);
    expect((await once('cyd', 'keys', 'sign', out, '--yes')).code).toBe(13);
    await ok(once('ada', 'keys', 'reseal', '--yes'));
    const list = await desk.json<{ lacking: unknown[]; keys: { name: string }[] }>('keys', 'list');
    expect(list.lacking).toEqual([]);
    expect(list.keys.map(({ name }) => name)).toEqual(['ada', 'cyd', 'dan']);
    expect(refusal(await as('bob', 'revoke', bare.id, '--reason', 'x', '--yes'))[0]).not.toBe(0);
  });

  it('are followed by a machine that was off meanwhile, and pins the first keyset', async () => {
    const { off } = machines;
    await ok(off.run('boot', '--once'));
    const found = await states();
    expect(found[off.identity.id]!.states).not.toContain('behind');
    expect(found[revoked.id]!.states).toContain('revoked');
    expect(found[asked.id]!.states).toContain('reconfigure');
    expect(found[refused.id]!.states).toContain('rejected');
    // The same without a memory, from the image that pins the first.
    const anew = off.reboot();
    await ok(anew.run('boot', '--once'));
    anew.remove();
  });
});
