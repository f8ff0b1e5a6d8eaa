import { describe, expect, it } from 'vitest';
import { fail } from '../../protocol/errors.ts';
import { createWaitNotes } from './waiting.ts';

describe('what a boot says while it waits', () => {
  it('is what is new, at once, and the same again once a minute', () => {
    const said: string[] = [];
    let seconds = 0;
    const note = createWaitNotes(
      { note: (line) => void said.push(`${seconds}: ${line}`) },
      () => 1_790_000_000 + seconds,
      () => seconds * 1000,
    );
    const absent = fail('server_unreachable', 'the server did not answer');
    const revoked = fail('revoked', 'this machine was revoked');
    for (; seconds < 150; seconds += 25) note(absent);
    for (; seconds < 240; seconds += 30) note(revoked);
    expect(said).toEqual([
      '0: the server did not answer [server_unreachable], waiting since 2026-09-21 14:13:20 UTC',
      '75: the server did not answer [server_unreachable], waiting for 1 min',
      '150: this machine was revoked [revoked], waiting since 2026-09-21 14:15:50 UTC',
      '210: this machine was revoked [revoked], waiting for 1 min',
    ]);
  });
});
