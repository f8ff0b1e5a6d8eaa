import { Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
// The package names no `exports`, and its `main` is found by `require` alone.
import { AwsSolutionsChecks, ServerlessChecks } from 'cdk-nag/lib/index.js';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { VARIANTS, variantApp } from '../tests/support/aws-variants.ts';

const folder = mkdtempSync(join(tmpdir(), 'coatcheck-nag-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Of a `validation-report.json`. */
interface Report {
  readonly pluginReports: readonly {
    readonly pluginName: string;
    readonly violations: readonly { readonly ruleName: string }[];
    readonly suppressedViolations?: readonly {
      readonly acknowledgedId: string;
      readonly acknowledgedAt: string;
      readonly reason: string;
    }[];
  }[];
}

/** Each acknowledgement of a tree: where, what, why. */
function* acknowledgements(construct: IConstruct): Generator<string> {
  for (const { type, data } of construct.node.metadata) {
    if (type !== Validations.ACKNOWLEDGED_RULES_METADATA_KEY) continue;
    for (const [id, reason] of Object.entries(data as Record<string, string>)) {
      yield `${construct.node.path} ${id}: ${reason}`;
    }
  }
  for (const child of construct.node.children) yield* acknowledgements(child);
}

describe.each(Object.keys(VARIANTS))('cdk-nag about a site, %s', (name) => {
  const outdir = mkdtempSync(join(folder, 'out-'));
  const app = variantApp(name, 'eu-central-1', outdir);
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new ServerlessChecks(app));
  app.synth();
  const text = readFileSync(join(outdir, 'validation-report.json'), 'utf8');
  const { pluginReports } = JSON.parse(text) as Report;

  it('finds nothing, an error or a warning, that is not acknowledged, and CDK itself neither', () => {
    // CDK's own checks of the template make a report only where they find something.
    expect(pluginReports.map(({ pluginName }) => pluginName)).toEqual([
      ...['AwsSolutions', 'Serverless'],
    ]);
    expect(pluginReports.flatMap(({ violations }) => violations)).toEqual([]);
  });

  it('finds all that is acknowledged', () => {
    const found = pluginReports
      .flatMap(({ suppressedViolations = [] }) => suppressedViolations)
      .map((one) => `${one.acknowledgedAt} ${one.acknowledgedId}: ${one.reason}`);
    expect(found.toSorted()).toEqual([...acknowledgements(app)].toSorted());
  });
});
