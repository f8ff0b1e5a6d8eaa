import type { Template } from 'aws-cdk-lib/assertions';
import { join } from 'node:path';
import { CREDENTIALS } from '../../protocol/permissions.ts';
import type { FunctionName } from '../../infra/code.ts';
import type { Credential } from '../../protocol/permissions.ts';
import { property, resourceOf, rolePolicies } from './template.ts';

/** What CloudFormation would make of a template, as far as a request meets it. */
export interface Deployed {
  readonly apiId: string;
  /** What stands for the bucket's name in policies */
  readonly bucket: string;
  /** What the schedule sends to the upload function */
  readonly count: object;
  /** Hosts that the gateway answers for */
  readonly hosts: readonly string[];
  readonly stsHost: string;
  /** By route key, `GET /v1/nodes/{node}/config` */
  readonly routes: Readonly<Record<string, FunctionName>>;
  /** By name; `doctor` where the template has it */
  readonly functions: Readonly<Record<FunctionName, DeployedFunction>>;
  /** Roles that `doctor` may take, and that trust it: by ARN */
  readonly taken: Readonly<Record<string, Credential>>;
}

/** A function, and what its role may do in the bucket. */
export interface DeployedFunction {
  readonly folder: string;
  readonly environment: Record<string, string>;
  readonly policy: string;
}

/** Of a bucket that has no name yet. */
const BUCKET = 'BUCKET-NAME';
const API_ID = 'abc123';

/** @param outdir where the assets are */
export function deployed(template: Template, outdir: string, region: string): Deployed {
  const [api] = Object.keys(template.findResources('AWS::ApiGatewayV2::Api'));
  const [bucket] = Object.keys(template.findResources('AWS::S3::Bucket'));
  const values: Record<string, string> = {
    ...{ 'AWS::Region': region, 'AWS::URLSuffix': 'amazonaws.com', 'AWS::Partition': 'aws' },
    ...{ [api!]: API_ID, [bucket!]: BUCKET },
  };
  const names: FunctionName[] = [
    ...CREDENTIALS,
    ...(Object.keys(template.findResources('AWS::Lambda::Function')).some((id) =>
      /^Doctor/.test(id),
    )
      ? (['doctor'] as const)
      : []),
  ];
  const functions = Object.fromEntries(
    names.map((credential) => {
      const { id } = resourceOf(template, 'AWS::Lambda::Function', credential, BUCKET);
      const raw = template.findResources('AWS::Lambda::Function')[id]!;
      const key = String(property(raw as never, 'Code', 'S3Key')).replace(/\.zip$/, '');
      const environment = evaluate(property(raw as never, 'Environment', 'Variables'), values);
      const policy =
        credential === 'doctor'
          ? ''
          : JSON.stringify(rolePolicies(template, credential, BUCKET)['store']);
      return [credential, { folder: join(outdir, `asset.${key}`), environment, policy, id }];
    }),
  ) as unknown as Record<FunctionName, DeployedFunction & { id: string }>;
  const integrations = template.findResources('AWS::ApiGatewayV2::Integration');
  const routes = Object.values(template.findResources('AWS::ApiGatewayV2::Route')).map((route) => {
    const target = JSON.stringify(property(route as never, 'Target'));
    const [integration] = Object.keys(integrations).filter((id) => target.includes(`"${id}"`));
    const uri = JSON.stringify(property(integrations[integration!] as never, 'IntegrationUri'));
    const credential = names.find((one) => uri.includes(`"${functions[one].id}"`))!;
    return [String(property(route as never, 'RouteKey')), credential];
  });
  const count = Object.values(template.findResources('AWS::Events::Rule')).flatMap((rule) =>
    ((property(rule as never, 'Targets') ?? []) as { Input?: string }[]).flatMap(({ Input }) =>
      Input === undefined ? [] : [JSON.parse(Input) as object],
    ),
  )[0]!;
  const urls = functions.download.environment['COATCHECK_PUBLIC_URLS']!.split(' ');
  return {
    ...{
      apiId: API_ID,
      stsHost: `sts.${region}.amazonaws.com`,
      bucket: BUCKET,
      count,
      functions,
      hosts: urls.map((url) => new URL(url).host),
    },
    routes: Object.fromEntries(routes) as Record<string, FunctionName>,
    taken: takenRoles(template),
  };
}

const roleArn = (id: string): string => `arn:aws:iam::123456789012:role/${id}`;

function takenRoles(template: Template): Record<string, Credential> {
  const statements = (holder: unknown, ...path: string[]) =>
    property(holder as never, ...path, 'Statement') as { Action: unknown; Resource: unknown }[];
  const given = Object.values(template.findResources('AWS::IAM::Policy'))
    .flatMap((policy) => statements(policy, 'PolicyDocument'))
    .filter(({ Action }) => Action === 'sts:AssumeRole')
    .flatMap(({ Resource }) => evaluate(Resource, {}) as string[]);
  const taken: Record<string, Credential> = {};
  for (const credential of CREDENTIALS) {
    const { id } = resourceOf(template, 'AWS::IAM::Role', credential, BUCKET);
    const role = template.findResources('AWS::IAM::Role')[id];
    const trust = JSON.stringify(statements(role, 'AssumeRolePolicyDocument'));
    const trusts = /"AWS":\{"Fn::GetAtt":\["DoctorRole\w+","Arn"\]\}/.test(trust);
    if (trusts && given.includes(roleArn(id))) taken[roleArn(id)] = credential;
  }
  return taken;
}

/** The intrinsic functions that the template has. */
function evaluate(value: unknown, values: Record<string, string>): unknown {
  if (Array.isArray(value)) return value.map((item) => evaluate(item, values));
  if (typeof value !== 'object' || value === null) return value;
  const [[name, argument] = ['', undefined]] = Object.entries(value);
  if (name === 'Ref') return values[argument as string];
  if (name === 'Fn::GetAtt') return roleArn((argument as [string])[0]);
  const args = evaluate(argument, values);
  if (name === 'Fn::Join') return (args as [string, string[]])[1].join((args as [string])[0]);
  if (name === 'Fn::Split') return (args as [string, string])[1].split((args as [string])[0]);
  if (name === 'Fn::Select') return (args as [number, string[]])[1][(args as [number])[0]];
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, evaluate(item, values)]),
  );
}
