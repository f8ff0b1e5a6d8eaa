import { describe, expect, it } from 'vitest';
import { knownAnswers } from './known.ts';

describe('the answers that others claim', () => {
  it('are taken in their one form, and dropped where they are none', () => {
    const claimed = {
      ...{ hostname: 'NODE1', netmask: '24', ip: '300.1.1.1', dns: '', swap: undefined },
      ...{ nonsense: 'x', constructor: 'x', 'coatcheck.server': 'https://evil.example' },
    };
    expect(knownAnswers(claimed)).toEqual({ hostname: 'node1', netmask: '255.255.255.0' });
  });

  it('are not inherited', () => {
    expect(knownAnswers(Object.create({ hostname: 'x' }) as Record<string, string>)).toEqual({});
  });
});
