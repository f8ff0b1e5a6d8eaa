import { describe, expect, it } from 'vitest';
import { openTestTerminal } from '../../../tests/support/terminal.ts';
import { askWhatToDo } from './what-to-do.ts';
import type { WhatToDo } from './what-to-do.ts';

const why = 'the server did not answer\x1b[2J';

async function choose(typed: string): Promise<{ choice: WhatToDo; screen: string }> {
  const terminal = openTestTerminal();
  terminal.type(typed);
  terminal.hangUp();
  const choice = await askWhatToDo(terminal, why);
  expect(terminal.raw.at(-1)).toBe(false);
  return { choice, screen: terminal.screen() };
}

describe('the question while no server answers', () => {
  it('is answered by waiting, where nobody says anything else', async () => {
    for (const typed of ['\r', 'wait\r', '', '\x03yes\r', '\x04\x04']) {
      expect((await choose(typed)).choice).toBe('wait');
    }
  });

  it('offers a configuration that nobody approved, says so, and offers no shell', async () => {
    expect((await choose('Configure\r')).choice).toBe('configure');
    expect((await choose('')).screen).toContain('UNAPPROVED, nobody has reviewed it');
    const none = await choose('shell\r\r');
    expect(none.choice).toBe('wait');
    expect(none.screen).toContain('It is one of wait, configure.');
  });

  it('says what is wrong, escaped', async () => {
    expect((await choose('')).screen).toContain(
      'No server answers: the server did not answer<U+001B>[2J',
    );
  });

  it('ends by itself when it is not asked any more', async () => {
    const abort = new AbortController();
    const choice = askWhatToDo(openTestTerminal(), why, abort.signal);
    abort.abort();
    expect(await choice).toBe('wait');
  });
});
