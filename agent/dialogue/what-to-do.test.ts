import { describe, expect, it } from 'vitest';
import { openTestTerminal } from '../../tests/support/terminal.ts';
import { askWhatToDo } from './what-to-do.ts';
import type { WhatToDo } from './what-to-do.ts';

const why = 'the server did not answer\x1b[2J';

async function choose(
  typed: string,
  { mayConfigure = false } = {},
): Promise<{ choice: WhatToDo; screen: string }> {
  const terminal = openTestTerminal();
  terminal.type(typed);
  terminal.hangUp();
  const choice = await askWhatToDo(terminal, { why, mayConfigure });
  expect(terminal.raw.at(-1)).toBe(false);
  return { choice, screen: terminal.screen() };
}

describe('the question while no server answers', () => {
  it('is answered by waiting, where nobody says anything else', async () => {
    for (const typed of ['\r', 'wait\r', '', '\x03yes\r', '\x04\x04']) {
      expect((await choose(typed)).choice).toBe('wait');
    }
  });

  it('offers a configuration that nobody approved only where the site allows it, and a shell nowhere', async () => {
    const all = { mayConfigure: true };
    expect((await choose('Configure\r', all)).choice).toBe('configure');
    expect((await choose('', all)).screen).toContain('UNAPPROVED, nobody has reviewed it');
    const none = await choose('configure\rshell\r\r');
    expect(none.choice).toBe('wait');
    expect(none.screen).toContain('The site allows no configuration that nobody approved.');
    expect(none.screen.match(/It is one of wait\./g)).toHaveLength(2);
  });

  it('says what is wrong, escaped', async () => {
    expect((await choose('')).screen).toContain(
      'No server answers: the server did not answer<U+001B>[2J',
    );
  });

  it('ends by itself when it is not asked any more', async () => {
    const abort = new AbortController();
    const situation = { why, mayConfigure: true };
    const choice = askWhatToDo(openTestTerminal(), situation, abort.signal);
    abort.abort();
    expect(await choice).toBe('wait');
  });
});
