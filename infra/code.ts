import { Stage } from 'aws-cdk-lib';
import { Code } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Credential } from '../protocol/permissions.ts';
import { bundleEntry } from './bundle.ts';

/** A function is named by its credential, but for the one that takes each of them. */
export type FunctionName = Credential | 'doctor';

/** Of this process: one of an app may have several stacks. */
const bundles = new Map<FunctionName, Uint8Array>();

/**
 * The code of one function: `functions/lambda/<name>.ts`, bundled into the app's output folder. CDK names the asset by
 * its content: the same sources make the same template. The package has another module in this one's place
 * (`scripts/library.ts`): there the code is bundled already.
 */
export function functionCode(scope: Construct, name: FunctionName): Code {
  const folder = join(Stage.of(scope)!.outdir, 'bundles', name);
  mkdirSync(folder, { recursive: true });
  const bundled = bundles.get(name) ?? bundleEntry(`functions/lambda/${name}.ts`);
  bundles.set(name, bundled);
  writeFileSync(join(folder, 'index.mjs'), bundled);
  return Code.fromAsset(folder);
}
