import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { installPacked } from '../support/packed.ts';

/** The block of docs/deploy-aws.md that is a file. */
function appIn(markdown: string): string {
  return /^```js app\.mjs\n(.*?)^```$/ms.exec(markdown)![1]!;
}

interface Template {
  readonly Resources: Record<string, { Type: string; Properties: Record<string, unknown> }>;
  readonly Outputs: Record<string, unknown>;
}

describe('coatcheck/cdk, from the package, without a clone', { tags: 'long' }, () => {
  const folder = fs.mkdtempSync(join(tmpdir(), 'coatcheck-cdk-'));
  const run = (command: string, args: string[]): string =>
    execFileSync(command, args, { cwd: folder, encoding: 'utf8', stdio: 'pipe' });
  const templateIn = (out: string, stack: string): Template =>
    JSON.parse(fs.readFileSync(join(folder, out, `${stack}.template.json`), 'utf8')) as Template;

  beforeAll(() => {
    installPacked(folder, ['aws-cdk', 'aws-cdk-lib', 'constructs']);
    run(join(folder, 'node_modules', '.bin', 'coatcheck'), ['init', '--no-passphrase']);
    fs.writeFileSync(join(folder, 'app.mjs'), appIn(fs.readFileSync('docs/deploy-aws.md', 'utf8')));
  });
  afterAll(() => fs.rmSync(folder, { recursive: true }));

  it.each([
    ['an app of ten lines', 'node app.mjs', 'Config', []],
    [
      'the app in the package',
      'node node_modules/coatcheck/dist/lib/infra/app.js',
      'Coatcheck',
      ['-c', 'site=coatcheck-site/site.json'],
    ],
  ])(
    'is deployed by %s: cdk synthesises the functions that are in the package',
    (_, app, stack, more) => {
      const cdk = join(folder, 'node_modules', '.bin', 'cdk');
      run(cdk, ['synth', '--quiet', '--app', app, '--output', stack, ...more]);
      const { Resources, Outputs } = templateIn(stack, stack);
      const functions = Object.values(Resources).filter(
        ({ Type }) => Type === 'AWS::Lambda::Function',
      );
      const packed = ['admin', 'download', 'upload'].map((name) =>
        fs.readFileSync(join('dist', 'functions', name, 'index.mjs'), 'utf8'),
      );
      const deployed = functions.map(({ Properties }) => {
        const { S3Key } = Properties['Code'] as { S3Key: string };
        const asset = `asset.${S3Key.replace(/\.zip$/, '')}`;
        return fs.readFileSync(join(folder, stack, asset, 'index.mjs'), 'utf8');
      });
      expect(deployed.toSorted()).toEqual(packed.toSorted());
      expect(Object.keys(Outputs).some((name) => name.includes('CoatcheckServer'))).toBe(true);
    },
  );
});
