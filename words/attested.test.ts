import { describe, expect, it } from 'vitest';
import type { AttestedView } from '../admin/attested.ts';
import { attestedText, imageShown } from './attested.ts';

const image = { version: '13.1', generation: 2 };
const words = 'paddle cost step discover prefer fatal mirror embark';
const good: AttestedView = { image, words, approved: true, faults: [] };
const fault = { code: 'other_decision' } as const;

describe('an image that lags behind another', () => {
  it('is told as that beside what vouches for it, and beside what speaks against it', () => {
    for (const attested of [good, { ...good, approved: false }]) {
      expect(attestedText(attested)).not.toContain('is there');
      expect(attestedText({ ...attested, newest: 3 })).toMatch(
        /^this machine runs image "13\.1" \(generation 2\), .*; generation 3 is there: by /,
      );
    }
    expect(attestedText({ ...good, newest: 3, faults: [fault] })).toBe(
      'claims to run image "13.1" (generation 2); generation 3 is there; against it: it is an old one: another decision was in force then',
    );
  });

  it('is shown in few words, as a claim where nobody approved its TPM or something speaks against it', () => {
    expect(imageShown({ attested: good })).toBe('"13.1" (generation 2)');
    expect(imageShown({ attested: { ...good, newest: 3 } })).toBe(
      '"13.1" (generation 2, and 3 is there)',
    );
    for (const attested of [
      { ...good, approved: false },
      { ...good, faults: [fault] },
    ]) {
      expect(imageShown({ attested: { ...attested, newest: 3 } })).toBe(
        'claims "13.1" (generation 2, and 3 is there)',
      );
    }
    expect(imageShown({})).toBe('-');
    expect(imageShown({ attested: { approved: false, faults: [{ code: 'malformed' }] } })).toBe(
      '-',
    );
  });
});
