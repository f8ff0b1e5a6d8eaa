import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { PARTITIONS, VARIANTS, variantApp } from '../tests/support/aws-variants.ts';
import { describeWith } from '../tests/support/components.ts';

/** "Dependency already enforced": CDK writes one of each function on its role, which the function names as well. */
const IGNORED = 'W3005';

describeWith('cfn-lint', 'cfn-lint finds nothing in the templates of a site', () => {
  const folder = mkdtempSync(join(tmpdir(), 'coatcheck-cfn-lint-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each(Object.keys(PARTITIONS))('in %s', (region) => {
    const templates = Object.keys(VARIANTS).map((name) => {
      const outdir = mkdtempSync(join(folder, 'out-'));
      variantApp(name, region, outdir).synth();
      return join(outdir, 'Own.template.json');
    });
    const args = ['--ignore-checks', IGNORED, '--regions', region, '--', ...templates];
    // Its exit code is not 0 where it finds something, and what it found is of use.
    const found = spawnSync('cfn-lint', args, { encoding: 'utf8' });
    expect(found.stdout + found.stderr).toBe('');
    expect(found.status).toBe(0);
  });
});
