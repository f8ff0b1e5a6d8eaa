import { expect, it } from 'vitest';
import { codeFrom } from '../tests/support/thrown.ts';
import { textIn } from './text.ts';

it('is UTF-8, without the mark that an editor put before it', () => {
  expect(textIn(Buffer.from('\uFEFFgrüß\uFEFF'), 'x')).toBe('grüß\uFEFF');
  expect(textIn(Buffer.from(''), 'x')).toBe('');
});

it.each([
  [Buffer.from('\uFEFF{}', 'utf16le'), 'x is UTF-16: save it as UTF-8'],
  [Buffer.from('\uFEFF{}', 'utf16le').swap16(), 'x is UTF-16: save it as UTF-8'],
  [Buffer.from([0xe4]), 'x is not UTF-8'],
])('is none that is saved otherwise, and that is said', (bytes, said) => {
  expect(() => textIn(bytes, 'x')).toThrow(said);
  expect(codeFrom(() => textIn(bytes, 'x'))).toBe('file_malformed');
});
