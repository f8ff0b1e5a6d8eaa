import { describe, expect, it } from 'vitest';
import { nodeWords } from '../../bundle/words.ts';
import { fail } from '../../protocol/errors.ts';
import { makeNode } from '../../tests/support/site.ts';
import { fold } from '../console/fold.ts';
import type { DigestHex } from '../../protocol/keys.ts';
import type { Node } from './node.ts';
import { whyWaiting } from './reasons.ts';
import { createWaitNotes } from './wait-notes.ts';

const { id } = makeNode();
const words = nodeWords(id);
const absent = fail('server_unreachable', 'the server did not answer');
const revoked = fail('revoked', 'this machine was revoked');

/** Notes, with the minute in which each was said. */
function listen(): {
  said: string[];
  going: string[];
  at: (minute: number) => void;
  note: ReturnType<typeof createWaitNotes>;
} {
  const said: string[] = [];
  const going: string[] = [];
  let minute = 0;
  const note = createWaitNotes(
    {
      note: (line) => void said.push(`${minute}: ${line}`),
      progress: (line) => void going.push(`${minute}: ${line}`),
    },
    id,
    () => 1_790_000_000 + minute * 60,
    () => minute * 60_000,
  );
  return { said, going, note, at: (to) => (minute = to) };
}

describe('what a boot says while it waits', () => {
  it('is what is new, at once, with the words of the machine, and what to do', () => {
    const { said, note, at } = listen();
    note(absent);
    at(0.9);
    note(absent);
    note(revoked);
    note(absent);
    const mend = 'to do: mend that; this machine tries again every minute, and goes on by itself';
    const decide = 'to do: an administrator has to decide; this machine asks every minute';
    const block = (minute: number, ...lines: string[]): string[] =>
      ['', 'this machine:', `    ${words}`, '', ...lines].map((line) => `${minute}: ${line}`);
    expect(said).toEqual([
      ...block(
        0,
        'the server did not answer [server_unreachable], waiting since 2026-09-21 14:13:20 UTC',
        mend,
      ),
      ...block(
        0.9,
        'this machine was revoked [revoked], waiting since 2026-09-21 14:14:14 UTC',
        decide,
      ),
      ...block(
        0.9,
        'the server did not answer [server_unreachable], waiting since 2026-09-21 14:14:14 UTC',
        mend,
      ),
    ]);
  });

  it('is the same again ever more seldom, up to once an hour, with the words each time', () => {
    const { said, going, note, at } = listen();
    for (let minute = 0; minute <= 300; minute++) {
      at(minute);
      note(absent);
    }
    const again = said.filter((line) => line.endsWith(' min')).map((line) => parseInt(line));
    expect(again).toEqual([1, 2, 4, 8, 16, 32, 64, 124, 184, 244]);
    expect(said.filter((line) => line.endsWith(words))).toHaveLength(11);
    expect(said).toContain(
      '2: the server did not answer [server_unreachable], waiting since 2026-09-21 14:13:20 UTC, for 2 min',
    );
    // Every other look is shown where it can be taken back.
    expect(going).toHaveLength(301 - 11);
    expect(going[0]).toBe('3: still waiting: 180 s; asked again at 2026-09-21 14:16:20 UTC');
  });

  it('says how an administrator approves what was sent, or what somebody here can do', () => {
    const { said, note } = listen();
    const digest = 'ab'.repeat(32);
    note(fail('nothing_approved', 'waits', { details: { node: id, digest } }));
    expect(said.at(-1)).toContain(`coatcheck approve ${id.slice(0, 16)}`);
    note(fail('rollback_refused', 'was wiped', { details: { wiped: 'ab'.repeat(16) } }));
    expect(said.at(-1)).toContain(`coatcheck renew ${id.slice(0, 16)}`);
    note(absent, 'press Enter');
    expect(said.at(-1)).toBe('0: press Enter');
  });

  it('fits on a screen of 80 columns and 25 lines', () => {
    const { said, note } = listen();
    const digest = 'ab'.repeat(32);
    const waits = {
      name: 'waiting',
      digest: digest as DigestHex,
      since: 1_790_000_000,
      seen: 0,
    } as const;
    note(whyWaiting({ identity: { id } } as Node, waits));
    const lines = said.flatMap((line) => fold(line.slice('0: '.length)));
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(80);
    expect(lines.length).toBeLessThan(12);
    // Both are whole: whoever copies one from a screen takes a line.
    expect(lines).toContain(`    ${words}`);
    expect(lines.join('\n')).toContain(digest);
  });
});
