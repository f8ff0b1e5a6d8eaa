// @module-tag long
import * as fs from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeFrame, decodeFrame } from '../../bundle/frame.ts';
import { EXIT } from '../../protocol/errors.ts';
import { approvedFrame, fileEntry } from '../support/frames.ts';
import { killAt } from '../support/kill-at.ts';
import { agentProgram, makeMachine } from '../support/machine.ts';
import type { Machine } from '../support/machine.ts';
import { makeNode, makeSite, makeStatement, nextKeyset, sign } from '../support/site.ts';

const ours = makeSite();
const { keyset } = ours.site.pinned;
const [ada] = ours.admins;
const MEMORY = 'var/lib/coatcheck/memory.json';

let machine: Machine;
beforeEach(() => {
  machine = makeMachine(ours.site);
});
afterEach(() => machine.remove());

const frame = (text: string, seq: number): Uint8Array =>
  approvedFrame(ours, machine.identity, [fileEntry('etc/hostname', `${text}\n`)], seq);

/** Applies a copy by the real agent: 0, or its code. */
async function apply(bytes: Uint8Array): Promise<string | undefined> {
  fs.writeFileSync(machine.path('copy'), bytes);
  const { code, stderr } = await machine.run('apply', machine.path('copy'));
  return code === 0 ? 'applied' : /\[(\w+)\]\n$/.exec(stderr)?.[1];
}
const memory = (): string | undefined =>
  fs.existsSync(machine.path(MEMORY)) ? machine.read(MEMORY) : undefined;
const remembered = async (): Promise<unknown> => (await machine.json('status'))['memory'];

/** Frames that are right in all but one thing, each with a seq far above any other. */
function wrongFrames(): Record<string, [bytes: Uint8Array, code: string]> {
  const { identity } = machine;
  const good = frame('forged', 1_000_000);
  const decoded = decodeFrame(good, { maxBytes: good.length });
  const place = { digest: new Uint8Array(32), seq: 999_999 };
  const signed = (type: 'approve' | 'reject', digest: Uint8Array): Uint8Array =>
    encodeFrame({
      ...decoded,
      statement: sign(makeStatement(keyset, identity.id, type, place, { digest }), keyset, ada!),
    });
  const elsewhere = makeSite({ name: 'elsewhere' });
  return {
    'a bundle that was changed': [good.with(-1, good.at(-1)! ^ 1), 'digest_mismatch'],
    'a statement that was changed': [
      encodeFrame({
        ...decoded,
        statement: {
          ...decoded.statement,
          statement: { ...decoded.statement.statement, seq: 2_000_000 },
        },
      }),
      'bad_signature',
    ],
    'a statement that nobody signed': [
      encodeFrame({ ...decoded, statement: { ...decoded.statement, signatures: [] } }),
      'threshold_not_met',
    ],
    'another bundle': [signed('approve', new Uint8Array(32).fill(7)), 'digest_mismatch'],
    'a rejection': [signed('reject', decoded.statement.statement.digest), 'bad_type'],
    'no bundle': [
      encodeFrame({ chain: decoded.chain, statement: decoded.statement }),
      'does_not_verify',
    ],
    'another node': [
      approvedFrame(ours, makeNode('other'), [fileEntry('etc/hostname', 'x\n')], 1_000_000),
      'not_this_node',
    ],
    'another site': [
      approvedFrame(elsewhere, identity, [fileEntry('etc/hostname', 'x\n')], 1_000_000),
      'bad_site',
    ],
    'half of it': [good.subarray(0, good.length >> 1), 'digest_mismatch'],
  };
}

// go-tuf compared with the default of a version, zero, and trusted metadata before their checks.
describe('go-tuf CVE-2022-29173: a missing memory is not zero, and only what verified is kept', () => {
  it('knows no memory from a memory, and an older decision from a newer', async () => {
    expect(await remembered()).toBeUndefined();
    expect(await apply(frame('two', 2))).toBe('applied');
    expect(await remembered()).toMatchObject({ seq: 2 });
    for (const [bytes, why] of [
      [frame('one', 1), 'older'],
      [frame('other', 2), 'of the same number, and another'],
    ] as const) {
      expect(await apply(bytes), why).toBe('rollback_refused');
      expect(machine.read('etc/hostname')).toBe('two\n');
    }
    expect(await apply(frame('three', 3))).toBe('applied');
  });

  it.each([
    ['empty', ''],
    ['half written', '{"coatcheck":"memory/1","nodes":{"'],
    ['without its numbers', '{"coatcheck":"memory/1","nodes":{"a":{}}}'],
    ['of another version', '{"coatcheck":"memory/2","nodes":{}}'],
    ['null', 'null'],
  ])('takes a memory that is %s for damaged, never for none', async (_, text) => {
    expect(await apply(frame('two', 2))).toBe('applied');
    machine.write(MEMORY, text, 0o600);
    expect(await apply(frame('x', 1))).toBe('file_malformed');
    expect([machine.read('etc/hostname'), memory()]).toEqual(['two\n', text]);
  });

  it('remembers nothing of what does not verify, with a memory or without', async () => {
    const wrong = Object.entries(wrongFrames());
    for (const [why, [bytes, code]] of wrong.slice(0, 3)) {
      expect(await apply(bytes), why).toBe(code);
    }
    expect(memory()).toBeUndefined();
    expect(await apply(frame('one', 1))).toBe('applied');
    const before = memory();
    for (const [why, [bytes, code]] of wrong) expect(await apply(bytes), why).toBe(code);
    expect(memory()).toBe(before);
    expect(await apply(frame('two', 2))).toBe('applied');
  });

  it('killed anywhere, remembers the old decision or the new one, and never neither', async () => {
    expect(await apply(frame('one', 1))).toBe('applied');
    const old = { memory: memory()!, marker: machine.read('var/lib/coatcheck/applied.json') };
    const next = machine.path('next');
    fs.writeFileSync(next, frame('two', 2));
    const command = (n: number): string[] => [
      ...[process.execPath, '--import', killAt(n), agentProgram(), '--root', machine.root],
    ];
    let isNew = false;
    for (let n = 1; !isNew; n++) {
      const killed = await machine.start(command(n), ['apply', next]).done;
      expect(killed.code).toBeNull();
      isNew = memory() !== old.memory;
      expect(memory()).toContain(`"seq": ${isNew ? 2 : 1},`);
      // What it did not remember it did not apply: the memory comes first.
      expect(machine.read('etc/hostname')).toBe('one\n');
      expect(machine.read('var/lib/coatcheck/applied.json')).toBe(old.marker);
    }
    // From here on the older decision is gone for good, although the newer is not applied yet.
    expect(await apply(frame('one', 1))).toBe('rollback_refused');
    expect(await apply(fs.readFileSync(next))).toBe('applied');
    expect(machine.read('etc/hostname')).toBe('two\n');
  });
});

// tough cached a timestamp that had failed the rollback check of what it named.
describe('tough CVE-2025-2888: what fails the rollback check leaves no part of itself', () => {
  it('a newer keyset around an older decision is not remembered either', async () => {
    expect(await apply(frame('five', 5))).toBe('applied');
    const before = memory();
    const second = nextKeyset({ signed: ours.site.pinned, admins: ours.admins }, ours.admins);
    const of = (version: 1 | 2, seq: number): Uint8Array => {
      const bytes = frame('six', seq);
      const { bundle, statement } = decodeFrame(bytes, { maxBytes: bytes.length });
      const next = { ...statement.statement, keysetVersion: version };
      const signed = version === 1 ? statement : sign(next, second.keyset, ada!);
      const chain = version === 1 ? [ours.site.pinned] : [ours.site.pinned, second];
      return encodeFrame({ chain, statement: signed, bundle: bundle! });
    };
    expect(await apply(of(2, 4))).toBe('rollback_refused');
    expect(memory()).toBe(before);
    // Had it kept the keyset, this good decision under the older one would be refused.
    expect(await apply(of(1, 6))).toBe('applied');
    expect(await apply(of(2, 7))).toBe('applied');
    expect(await remembered()).toMatchObject({ seq: 7, keysetVersion: 2 });
    expect(await apply(of(1, 8))).toBe('rollback_refused');
    expect(await remembered()).toMatchObject({ seq: 7, keysetVersion: 2 });
    expect(machine.read('etc/hostname')).toBe('six\n');
  });

  it('nor does a refused decision stop the next good one', async () => {
    expect(await apply(frame('five', 5))).toBe('applied');
    expect(await apply(frame('one', 1))).toBe('rollback_refused');
    expect(await apply(frame('six', 6))).toBe('applied');
    const { code } = await machine.run('apply', machine.path('copy'));
    expect(code).toBe(EXIT.ok);
  });
});
