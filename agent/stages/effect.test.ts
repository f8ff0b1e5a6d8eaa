import { describe, expect, it } from 'vitest';
import { codeFrom } from '../../tests/support/thrown.ts';
import { failuresOf, tellEffect, throwFailures } from './effect.ts';

describe('what became of a configuration', () => {
  const outcome = {
    applied: { changed: ['etc/motd'], removed: [], unchanged: 2, left: [], notes: [] },
    activation: {
      ...{ reloaded: ['a.service'], restarted: [], started: ['b.service'], stopped: [] },
      waiting: ['d.service'],
      failed: [{ what: 'c.service', why: 'it failed: exit-code' }],
    },
    ready: { done: ['webhook'], failed: [{ what: 'engine', why: 'x' }] },
  };

  it('is one line in a report', () => {
    expect(tellEffect(outcome)).toBe(
      'applied: 1 changed, 0 removed, 2 as they were; reloaded a.service; started b.service; waiting d.service; ' +
        'ready: webhook; FAILED c.service: it failed: exit-code; FAILED engine: x',
    );
    expect(failuresOf(outcome)).toHaveLength(2);
  });

  it('begins with what was left, where it is applied in part', () => {
    const left = [{ path: 'etc/hosts', why: 'is a mount point: unmount it' }];
    const partial = { ...outcome, applied: { ...outcome.applied, left } };
    expect(tellEffect(partial)).toMatch(
      /^partial: 1 changed, 0 removed, 2 as they were, 1 left; LEFT etc\/hosts: is a mount point: unmount it; /,
    );
    const whole = { ...partial, activation: { ...outcome.activation, failed: [] } };
    expect(codeFrom(() => throwFailures(partial))).toBe('step_failed');
    expect(codeFrom(() => throwFailures({ ...whole, ready: { done: [], failed: [] } }))).toBe(
      'partial',
    );
  });

  it('fits into a report, however much failed, and in whatever script', () => {
    const failed = [{ what: 'c.service', why: '失敗'.repeat(500) }];
    const result = tellEffect({ ...outcome, ready: { done: [], failed } });
    expect(Buffer.byteLength(result)).toBeGreaterThan(900);
    expect(Buffer.byteLength(result)).toBeLessThanOrEqual(1024);
    expect(result).toMatch(/失(敗)?\.\.\.$/);
  });
});
