import { Template } from 'aws-cdk-lib/assertions';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import type { FunctionName } from '../../infra/code.ts';
import { siteApp } from '../../infra/site-app.ts';

export interface PolicyDocument {
  readonly Version: string;
  readonly Statement: readonly Readonly<Record<string, unknown>>[];
}

/** One resource of the template, with its references resolved by {@link resolve}. */
export interface Resource {
  readonly Type: string;
  readonly Properties: unknown;
}

/** What stands at a path of property names; undefined where there is nothing. */
export function property(resource: Resource | undefined, ...path: string[]): unknown {
  return path.reduce<unknown>(
    (value, name) => (value as Record<string, unknown> | undefined)?.[name],
    resource?.Properties,
  );
}

// Vitest ends its processes without an `exit`.
const folders: string[] = [];
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true })));

/** The stack as `cdk synth` makes it; its folder is removed after the tests of the file. */
export function synthesise(context: Record<string, string> = {}): {
  template: Template;
  folder: string;
} {
  const folder = mkdtempSync(join(tmpdir(), 'coatcheck-synth-'));
  folders.push(folder);
  const { stack } = siteApp({ outdir: folder, context });
  return { template: Template.fromStack(stack), folder };
}

/**
 * What CloudFormation would put in: joins joined, the bucket's ARN and name replaced by those of
 * `bucket`, any other reference written as `<LogicalId>` or `<LogicalId.Attribute>`.
 */
export function resolve(value: unknown, bucket: string): unknown {
  if (Array.isArray(value)) return value.map((item) => resolve(item, bucket));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value);
  const [name, argument] = entries[0] ?? [];
  if (entries.length === 1 && name === 'Fn::Join') {
    const [separator, parts] = argument as [string, unknown[]];
    return parts.map((part) => resolve(part, bucket)).join(separator);
  }
  if (entries.length === 1 && (name === 'Ref' || name === 'Fn::GetAtt')) {
    const reference = [argument].flat().join('.');
    if (/^StoreBucket[0-9A-F]{8}\.Arn$/.test(reference)) return `arn:aws:s3:::${bucket}`;
    return /^StoreBucket[0-9A-F]{8}$/.test(reference) ? bucket : `<${reference}>`;
  }
  return Object.fromEntries(entries.map(([key, item]) => [key, resolve(item, bucket)]));
}

/** All resources of a type, by logical id, resolved. */
export function resourcesOf(
  template: Template,
  type: string,
  bucket: string,
): Record<string, Resource> {
  return resolve(template.findResources(type), bucket) as Record<string, Resource>;
}

const PREFIX: Record<FunctionName, string> = {
  download: 'Download',
  upload: 'Upload',
  admin: 'Admin',
  doctor: 'Doctor',
};

/** The one resource of a type that belongs to a credential's function. */
export function resourceOf(
  template: Template,
  type: string,
  credential: FunctionName,
  bucket: string,
): Resource & { readonly id: string } {
  const found = Object.entries(resourcesOf(template, type, bucket)).filter(([id]) =>
    id.startsWith(PREFIX[credential]),
  );
  if (found.length !== 1) throw new Error(`${found.length} resources ${type} of ${credential}`);
  const [id, resource] = found[0]!;
  return { id, ...resource };
}

/** The policies of a function's role, by name: `logs`, and `store` of one with a credential. */
export function rolePolicies(
  template: Template,
  credential: FunctionName,
  bucket: string,
): Record<string, PolicyDocument> {
  const role = resourceOf(template, 'AWS::IAM::Role', credential, bucket);
  const policies = property(role, 'Policies') as {
    PolicyName: string;
    PolicyDocument: PolicyDocument;
  }[];
  return Object.fromEntries(policies.map((p) => [p.PolicyName, p.PolicyDocument]));
}
