import { Stage } from 'aws-cdk-lib';
import { Code } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Credential } from '../protocol/permissions.ts';
import { bundleEntry } from './bundle.ts';

/** Of this process: one of an app may have several stacks. */
const bundles = new Map<Credential, Uint8Array>();

/**
 * The code of one function: `functions/lambda/<credential>.ts`, bundled into the app's output folder. CDK names the asset by
 * its content: the same sources make the same template. The package has another module in this one's place
 * (`scripts/library.ts`): there the code is bundled already.
 */
export function functionCode(scope: Construct, credential: Credential): Code {
  const folder = join(Stage.of(scope)!.outdir, 'bundles', credential);
  mkdirSync(folder, { recursive: true });
  const bundled = bundles.get(credential) ?? bundleEntry(`functions/lambda/${credential}.ts`);
  bundles.set(credential, bundled);
  writeFileSync(join(folder, 'index.mjs'), bundled);
  return Code.fromAsset(folder);
}
