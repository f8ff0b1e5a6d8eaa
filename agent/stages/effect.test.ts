import { describe, expect, it } from 'vitest';
import { codeFrom } from '../../tests/support/thrown.ts';
import { readResult } from '../../admin/machine-says.ts';
import { effectLines, failuresOf, tellEffect, throwFailures } from './effect.ts';

describe('what became of a configuration', () => {
  const outcome = {
    applied: { changed: ['etc/motd'], removed: [], unchanged: 2, left: [], notes: [] },
    activation: {
      ...{ reloaded: ['a.service'], restarted: [], started: ['b.service'], stopped: [] },
      waiting: ['d.service'],
      failed: [{ what: 'c.service', why: 'it failed: exit-code' }],
    },
    ready: { done: ['webhook'], failed: [{ what: 'engine', why: 'x' }] },
    ofImage: { running: {}, madeOn: {}, left: 0, differing: [] as string[] },
    images: [] as string[],
  };
  const running = { version: '2026.12', baseline: 'ab'.repeat(32) };
  const madeOn = { version: '2026.11', baseline: 'cd'.repeat(32) };

  it('is one line in a report', () => {
    expect(tellEffect(outcome)).toBe(
      'applied: 1 changed, 0 removed, 2 as they were; reloaded a.service; started b.service; waiting d.service; ' +
        'ready: webhook; FAILED c.service: it failed: exit-code; FAILED engine: x',
    );
    expect(failuresOf(outcome)).toHaveLength(2);
  });

  it('names the image, the one that the bundle was made on, and what differs between them', () => {
    const same = { running, madeOn: running, left: 7, differing: [] };
    expect(tellEffect({ ...outcome, ofImage: same })).toContain(
      `as they were; image 2026.12, baseline ${running.baseline}; reloaded`,
    );
    const other = { running, madeOn, left: 7, differing: ['etc/issue', 'etc/a b'] };
    expect(tellEffect({ ...outcome, ofImage: other })).toContain(
      `image 2026.12, baseline ${running.baseline}; made on 2026.11, baseline ${madeOn.baseline}; ` +
        '2 of 7 files left to the image differ: etc/issue "etc/a b"; reloaded',
    );
    const without = { running: {}, madeOn, left: 1, differing: [] };
    expect(tellEffect({ ...outcome, ofImage: without })).toContain(
      'image without a version, baseline none; made on 2026.11',
    );
  });

  it('says which image of a bound key it is before what others said', () => {
    const images = ['image generation 2', 'NOT revoked: this image is of generation 2'];
    const result = tellEffect({ ...outcome, images });
    expect(result).toMatch(/^applied: [^;]*; image generation 2; NOT revoked: this image/);
    expect(effectLines({ ...outcome, images })).toEqual(expect.arrayContaining(images));
    expect(readResult(result)).toMatchObject({
      images: { generation: 2, revokedBelow: 1 },
      failed: [{ what: 'older images', why: 'not revoked: this image is of generation 2' }, {}, {}],
    });
    expect(
      readResult(tellEffect({ ...outcome, images: ['image generation 9, revoked below 7'] })),
    ).toMatchObject({ images: { generation: 9, revokedBelow: 7 } });
  });

  it('counts what differs and has no room in a report', () => {
    const differing = Array.from({ length: 200 }, (_, i) => `etc/profile.d/of-the-image-${i}.sh`);
    const ofImage = { running, madeOn, left: 300, differing };
    const result = tellEffect({ ...outcome, ofImage });
    expect(Buffer.byteLength(result)).toBeLessThanOrEqual(960);
    const [, names, more] =
      /; 200 of 300 files left to the image differ: (.*) and (\d+) more; reloaded/.exec(result)!;
    expect(names!.split(' ')).toHaveLength(200 - Number(more));
    expect(result).toMatch(/FAILED engine: x$/);
    // Not at the price of a failure.
    const failed = [{ what: 'c.service', why: 'x'.repeat(2000) }];
    const full = tellEffect({ ...outcome, ofImage, ready: { done: [], failed } });
    expect(full).toContain('; 200 of 300 files left to the image differ; reloaded');
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
