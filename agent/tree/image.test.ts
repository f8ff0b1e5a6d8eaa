import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withRoot } from './folder.ts';
import { IMAGE_FILE, imageVersion, readImage } from './image.ts';

let root: string;
beforeEach(() => (root = fs.mkdtempSync(join(tmpdir(), 'coatcheck-image-'))));
afterEach(() => fs.rmSync(root, { recursive: true }));
const write = (text: string): void => {
  fs.mkdirSync(join(root, IMAGE_FILE, '..'), { recursive: true });
  fs.writeFileSync(join(root, IMAGE_FILE), text);
};
const DATE = Date.UTC(2026, 10, 24, 16, 16, 58) / 1000;

describe('what an image says of itself', () => {
  it.each([
    '{"version": "2026.11", "date": "2026-11-24T16:16:58Z"}',
    '\uFEFF{"version": "2026.11", "date": "2026-11-25T01:16:58.25+09:00", "more": 1}',
    `{"version": "2026.11", "date": ${DATE}}`,
  ])('is its version, and when it was made, in any zone: %s', (text) => {
    write(text);
    // What the file itself is dated says nothing.
    fs.utimesSync(join(root, IMAGE_FILE), 0, 0);
    expect(readImage(root)).toEqual({ version: '2026.11', date: DATE });
  });

  it('may be nothing, and why is said', () => {
    expect(readImage(root)).toEqual({ fault: 'there is no usr/lib/coatcheck/image.json' });
    for (const [text, fault] of [
      ['{', 'is no JSON'],
      ['[]', 'has no date'],
      ['{"version": "1"}', 'has no date'],
      ['{"version": "1", "date": "2026-11-24 16:16:58"}', 'is "2026-11-24 16:16:58", and not'],
      ['{"version": "1", "date": "2026-13-24T16:16:58Z"}', 'and not as in'],
      ['{"version": "1", "date": "2026-02-30T16:16:58Z"}', 'and not as in'],
      ['{"version": "1", "date": -5}', 'is "-5", and not as in'],
    ] as const) {
      write(text);
      const { date, fault: said } = readImage(root);
      expect([date, said]).toEqual([undefined, expect.stringContaining(fault)]);
    }
  });

  it('has a version of os-release(5) only where it says none itself', () => {
    const version = (): string | undefined => withRoot(root, imageVersion);
    expect(version()).toBeUndefined();
    fs.mkdirSync(join(root, 'usr/lib'), { recursive: true });
    fs.writeFileSync(join(root, 'usr/lib/os-release'), 'ID=debian\nIMAGE_VERSION="of 2025"\n');
    expect(version()).toBe('of 2025');
    write('{"date": "2026-11-24T16:16:58Z"}');
    expect(version()).toBe('of 2025');
    write('{"version": "2026.11"}');
    expect(version()).toBe('2026.11');
    write('{');
    expect(version()).toBe('of 2025');
  });
});
