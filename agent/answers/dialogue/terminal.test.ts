import { describe, expect, it } from 'vitest';
import { openTestTerminal } from '../../../tests/support/terminal.ts';
import { openTerminal } from './terminal.ts';

describe('a terminal', () => {
  it('reads a line, and takes CR LF for one Enter', async () => {
    const terminal = openTestTerminal();
    terminal.type('first\r\nsecond\nthird\r');
    const lines = [];
    for (const prompt of ['1:', '2:', '3:']) lines.push(await terminal.readLine(prompt));
    expect(lines).toEqual([{ text: 'first' }, { text: 'second' }, { text: 'third' }]);
  });

  it('reads one that comes byte by byte', async () => {
    const terminal = openTestTerminal();
    const line = terminal.readLine('> ');
    for (const key of 'nox\x7fde1\r') {
      terminal.type(key);
      await new Promise(setImmediate);
    }
    expect(await line).toEqual({ text: 'node1' });
    expect(terminal.screen()).toBe('> node1\n');
  });

  it('keeps the keyboard from the first question until it is released', async () => {
    const terminal = openTestTerminal();
    terminal.type('a\rb\r');
    await terminal.readLine('> ');
    await terminal.readLine('> ', { secret: true });
    expect([...new Set(terminal.raw)]).toEqual([true]);
    terminal.release();
    expect(terminal.raw.at(-1)).toBe(false);
  });

  it('says that it was closed, or that nobody asks any more', async () => {
    const terminal = openTestTerminal();
    const abort = new AbortController();
    const asked = terminal.readLine('> ', { signal: abort.signal });
    abort.abort();
    expect(await asked).toEqual({ ended: 'cancelled' });
    const next = terminal.readLine('> ');
    terminal.type('half a li');
    terminal.hangUp();
    expect(await next).toEqual({ ended: 'closed' });
    expect(await terminal.readLine('> ')).toEqual({ ended: 'closed' });
    expect(await terminal.pressed(new AbortController().signal)).toBe(false);
  });

  it('waits for a key with the keyboard released, and drops what was typed before and with it', async () => {
    const terminal = openTestTerminal();
    terminal.type('too early\rand more');
    expect(await terminal.readLine('> ')).toEqual({ text: 'too early' });
    const pressed = terminal.pressed(new AbortController().signal);
    await new Promise(setImmediate);
    terminal.type('\n');
    expect(await pressed).toBe(true);
    expect(terminal.raw.at(-1)).toBe(false);
    const line = terminal.readLine('> ');
    terminal.type('node1\r');
    expect(await line).toEqual({ text: 'node1' });
  });

  it('takes the LF of a released keyboard for an Enter, after the CR of an answer', async () => {
    const terminal = openTestTerminal();
    terminal.type('yes\r');
    await terminal.readLine('> ');
    terminal.release();
    const pressed = terminal.pressed(new AbortController().signal);
    terminal.type('\n');
    expect(await pressed).toBe(true);
  });

  it('does not wait for a key for longer than it is told', async () => {
    const terminal = openTestTerminal();
    const abort = new AbortController();
    const pressed = terminal.pressed(abort.signal);
    abort.abort();
    expect(await pressed).toBe(false);
  });

  it('has the size of a terminal that has none', () => {
    expect(openTestTerminal({ columns: 0, rows: 0 })).toMatchObject({ columns: 80, rows: 24 });
  });

  it.each(['/dev/null', '/dev/absent', '/etc/passwd'])('is not at %s', (path) => {
    expect(openTerminal(path)).toBeUndefined();
  });
});
