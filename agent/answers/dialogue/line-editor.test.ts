import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { screenOf } from '../../../tests/support/terminal.ts';
import { createLineEditor, MAX_LINE_CHARACTERS } from './line-editor.ts';

/** What a line holds, how it ended, and what a plain terminal shows of it. */
function typed(
  keys: string,
  { prompt = '> ', secret = false, columns = 80 } = {},
): { text: string; ended: string | undefined; screen: string; written: string } {
  const editor = createLineEditor({ prompt, secret, columns });
  let written = prompt;
  let ended: string | undefined;
  for (const byte of Buffer.from(keys, 'latin1')) {
    const { echo, ended: how } = editor.type(byte);
    written += echo;
    ended ??= how;
  }
  return { text: editor.text(), ended, screen: screenOf(written), written };
}

describe('a line as it is typed', () => {
  it.each([
    ['plain', 'node1', 'node1'],
    ['both keys that erase', 'nodd\x7fe2\b1', 'node1'],
    ['erasing more than there is', 'x\b\b\x7fnode1', 'node1'],
    ['^U', 'something else\x15node1', 'node1'],
    ['^U on nothing', '\x15node1', 'node1'],
    [
      'arrows, a function key, Linux F1, Alt and a letter',
      'no\x1b[D\x1b[15~\x1b[[A\x1bOHde\x1bx1',
      'node1',
    ],
    ['a bracketed paste', '\x1b[200~node1\x1b[201~', 'node1'],
    ['^D behind a text', 'node1\x04', 'node1'],
  ])('takes %s', (_, keys, text) => {
    const line = typed(keys);
    expect(line).toMatchObject({ text, ended: undefined, screen: `> ${text}` });
  });

  it('ends with CR or LF, and stops with ^C, and with ^D where nothing stands', () => {
    expect(typed('a\r')).toMatchObject({ text: 'a', ended: 'entered', screen: '> a\n' });
    expect(typed('a\n')).toMatchObject({ text: 'a', ended: 'entered' });
    expect(typed('a\x03').ended).toBe('stopped');
    expect(typed('\x04').ended).toBe('stopped');
    expect(typed('ab\x1b\r'), 'after a key that was cut').toMatchObject({ ended: 'entered' });
    expect(typed('ab\x1b[\x03').ended).toBe('stopped');
  });

  it('shows what is no plain ASCII as ?, and keeps it for whoever asked to refuse', () => {
    expect(typed('n\xf6\x01')).toMatchObject({ text: 'n\xf6\x01', screen: '> n??' });
    expect(typed('n\xc3\xb6\x7f\x7fo')).toMatchObject({ text: 'no', screen: '> no' });
  });

  it('writes the rest anew below where it had reached the margin', () => {
    const { screen, text } = typed('0123456789\x7f\x7f', { columns: 12 });
    expect(text).toBe('01234567');
    expect(screen).toBe('> 0123456789\n> 01234567');
  });

  it('takes one character more than a line may have, and no more', () => {
    const { text, screen } = typed('x'.repeat(5000), { columns: 10_000 });
    expect(text.length).toBe(MAX_LINE_CHARACTERS + 1);
    expect(screen.length).toBe(text.length + 2);
  });

  it('never writes a byte of a secret', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        const { written } = typed(Buffer.from(bytes).toString('latin1'), { secret: true });
        expect(written.slice(2).replace(/\x07|\n|\^C\n|\^D\n/g, '')).toBe('');
      }),
    );
  });

  it('shows what it holds, whatever is typed, while it fits on the line', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70 }), (bytes) => {
        const keys = Buffer.from(bytes)
          .toString('latin1')
          .replace(/[\r\n\x03\x04]/g, '');
        const { text, screen } = typed(keys);
        expect(screen).toBe(`> ${text.replace(/[^ -~]/g, '?')}`.trimEnd());
      }),
    );
  });
});
