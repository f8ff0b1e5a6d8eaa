// @module-tag long
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { itWith } from '../support/components.ts';
import { SCENARIOS, VARIANTS } from './scenarios.ts';
import { checkModel, MODEL } from './spin.ts';

const PARTS = readdirSync(dirname(MODEL)).filter((name) => name.endsWith('.pml'));
const TEXT = PARTS.map((name) => readFileSync(join(dirname(MODEL), name), 'utf8')).join('');
const namesIn = (pattern: RegExp): Set<string> =>
  new Set([...TEXT.matchAll(pattern)].map((match) => match[1]!));

describe('the model of the approval protocol (docs/assurance-model.md)', () => {
  for (const [scenario, what] of Object.entries(SCENARIOS)) {
    itWith('spin', `keeps every promise where ${what}`, async () => {
      const verdict = await checkModel({ scenario });
      expect(verdict).toEqual({ isComplete: true, states: expect.any(Number) as number });
    });
  }

  for (const seed of [1, 2]) {
    itWith('spin', `keeps every promise in part ${seed} of everything at once`, async () => {
      const verdict = await checkModel({ scenario: 'EVERYTHING', sample: { bits: 22, seed } });
      expect(verdict.violated).toBeUndefined();
      expect(verdict.states).toBeGreaterThan(1_500_000);
    });
  }

  for (const [broken, { mistake, scenario, violates }] of Object.entries(VARIANTS)) {
    itWith('spin', `catches whoever ${mistake}`, async () => {
      expect((await checkModel({ scenario, broken })).violated).toBe(violates);
    });
  }

  it('has a test for every scenario and every broken variant', () => {
    const scenarios = [...Object.keys(SCENARIOS), 'EVERYTHING'];
    expect(new Set(scenarios)).toEqual(namesIn(/defined\(SCENARIO_(\w+)\)/g));
    expect(new Set(Object.keys(VARIANTS))).toEqual(namesIn(/BROKEN_([A-Z]\w*)/g));
  });
});

describe('docs/assurance-model.md', () => {
  const root = join(import.meta.dirname, '../..');
  const page = readFileSync(join(root, 'docs/assurance-model.md'), 'utf8');
  const rows = page.split('\n').filter((line) => /^\| `[a-z_]+` +\|/.test(line));

  it('has every promise that the model asserts, and no other', () => {
    const promises = rows.map((row) => /`([a-z_]+)`/.exec(row)![1]);
    expect(new Set(promises)).toEqual(namesIn(/assert\((\w+)\)/g));
  });

  it('names code that is there', () => {
    const kept = rows.flatMap((row) => [...row.matchAll(/`([a-z/-]+\.ts)`((?:,? `\w+`)*)/g)]);
    expect(kept.length).toBeGreaterThanOrEqual(rows.length);
    for (const [, file, functions] of kept) {
      const code = readFileSync(join(root, file!), 'utf8');
      for (const [, name] of functions!.matchAll(/`(\w+)`/g)) {
        expect(code, `${name} in ${file}`).toMatch(
          new RegExp(`^(?:export )?(?:async )?(?:function|const) ${name}\\b`, 'm'),
        );
      }
    }
  });
});
