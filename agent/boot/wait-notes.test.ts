import { describe, expect, it } from 'vitest';
import { nodeWords } from '../../bundle/words.ts';
import { fail } from '../../protocol/errors.ts';
import { makeNode } from '../../tests/support/site.ts';
import { createWaitNotes } from './wait-notes.ts';

const { id } = makeNode();
const words = `this machine: ${nodeWords(id)}`;
const absent = fail('server_unreachable', 'the server did not answer');
const revoked = fail('revoked', 'this machine was revoked');

/** Notes, with the minute in which each was said. */
function listen(): {
  said: string[];
  at: (minute: number) => void;
  note: ReturnType<typeof createWaitNotes>;
} {
  const said: string[] = [];
  let minute = 0;
  const note = createWaitNotes(
    { note: (line) => void said.push(`${minute}: ${line}`) },
    id,
    () => 1_790_000_000 + minute * 60,
    () => minute * 60_000,
  );
  return { said, note, at: (to) => (minute = to) };
}

describe('what a boot says while it waits', () => {
  it('is what is new, at once, with the words of the machine', () => {
    const { said, note, at } = listen();
    note(absent);
    at(0.9);
    note(absent);
    note(revoked);
    note(absent);
    expect(said).toEqual([
      '0: the server did not answer [server_unreachable], waiting since 2026-09-21 14:13:20 UTC',
      `0: ${words}`,
      '0.9: this machine was revoked [revoked], waiting since 2026-09-21 14:14:14 UTC',
      `0.9: ${words}`,
      '0.9: the server did not answer [server_unreachable], waiting since 2026-09-21 14:14:14 UTC',
      `0.9: ${words}`,
    ]);
  });

  it('is the same again ever more seldom, up to once an hour', () => {
    const { said, note, at } = listen();
    for (let minute = 0; minute <= 300; minute++) {
      at(minute);
      note(absent);
    }
    const again = said.filter((line) => line.endsWith(' min')).map((line) => parseInt(line));
    expect(again).toEqual([1, 2, 4, 8, 16, 32, 64, 124, 184, 244]);
    expect(said).toContain('2: the server did not answer [server_unreachable], waiting for 2 min');
  });

  it('is followed by what can be done about it', () => {
    const { said, note } = listen();
    note(absent, 'press Enter');
    note(absent, 'press Enter');
    expect(said.slice(2)).toEqual(['0: press Enter']);
  });
});
