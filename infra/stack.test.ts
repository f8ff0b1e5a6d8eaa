import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Template } from 'aws-cdk-lib/assertions';
import { MAX_RECIPIENTS } from '../bundle/header.ts';
import { judgePolicy } from '../functions/doctor/settings.ts';
import { ROUTES } from '../protocol/http.ts';
import { CREDENTIALS } from '../protocol/permissions.ts';
import type { Credential } from '../protocol/permissions.ts';
import { parseCa } from '../net/certificates.ts';
import { formatSite, parseSite } from '../protocol/site.ts';
import { makeAuthority } from '../tests/support/certificates.ts';
import { makeAdmin, makeSite, nextKeyset } from '../tests/support/site.ts';
import {
  property,
  resourceOf,
  resourcesOf,
  rolePolicies,
  synthesise,
} from '../tests/support/template.ts';
import type { Resource } from '../tests/support/template.ts';
import { bundleEntry } from './bundle.ts';
import { MAX_SITE_BYTES } from './site.ts';

/** As long as a bucket's name may be. */
const BUCKET = 'b'.repeat(63);
const ARN = `arn:aws:s3:::${BUCKET}`;

let template: Template;
let folder: string;
beforeAll(() => {
  ({ template, folder } = synthesise());
});

/** The rights of a policy as a set of lines, so that grouping and order do not matter. */
function rights(statements: readonly Readonly<Record<string, unknown>>[]): string[] {
  return statements
    .flatMap((s) => {
      const condition = s['Condition'] === undefined ? '' : ` if ${JSON.stringify(s['Condition'])}`;
      return [s['Resource']]
        .flat()
        .flatMap((resource) =>
          [s['Action']]
            .flat()
            .map(
              (action) =>
                `${String(s['Effect'])} ${String(action)} ${String(resource)}${condition}`,
            ),
        );
    })
    .sort();
}

/**
 * The table of docs/config.md, written out: this list is the promise, `protocol/permissions.ts` is
 * how it is kept.
 */
const RIGHTS: Record<Credential, string[]> = {
  download: [
    `Allow s3:GetObject ${ARN}/approved/*`,
    `Allow s3:GetObject ${ARN}/rejected/*`,
    `Allow s3:GetObject ${ARN}/keysets/*`,
    // Without it S3 answers 403 instead of 404 for a key that is not there, and a node could not
    // tell "nothing approved" from a fault.
    `Allow s3:ListBucket ${ARN}`,
  ],
  upload: [
    `Allow s3:GetObject ${ARN}/keysets/*`,
    `Allow s3:PutObject ${ARN}/pending/*`,
    `Allow s3:PutObject ${ARN}/reports/*`,
    `Allow s3:ListBucket ${ARN} if {"StringLike":{"s3:prefix":["pending/*","rejected/*","keysets/*"]}}`,
  ],
  admin: [
    ...['pending', 'history', 'approved', 'rejected', 'reports', 'keysets', 'cosign'].map(
      (prefix) => `Allow s3:GetObject ${ARN}/${prefix}/*`,
    ),
    ...['history', 'approved', 'rejected', 'keysets', 'cosign'].map(
      (prefix) => `Allow s3:PutObject ${ARN}/${prefix}/*`,
    ),
    ...['pending', 'rejected', 'reports', 'cosign'].map(
      (prefix) => `Allow s3:DeleteObject ${ARN}/${prefix}/*`,
    ),
    `Allow s3:ListBucket ${ARN}`,
  ],
};

describe.each(CREDENTIALS)('the role of %s', (credential) => {
  it('may do in the bucket exactly what the protocol says', () => {
    const { store } = rolePolicies(template, credential, BUCKET);
    expect(rights(store!.Statement)).toEqual(RIGHTS[credential].toSorted());
  });

  it('may write to its own log group, and nothing else', () => {
    const { id } = resourceOf(template, 'AWS::Logs::LogGroup', credential, BUCKET);
    const { logs, ...others } = rolePolicies(template, credential, BUCKET);
    expect(rights(logs!.Statement)).toEqual([
      `Allow logs:CreateLogStream <${id}.Arn>`,
      `Allow logs:PutLogEvents <${id}.Arn>`,
    ]);
    expect(Object.keys(others)).toEqual(['store']);
    const role = resourceOf(template, 'AWS::IAM::Role', credential, BUCKET);
    expect(role.Properties).not.toHaveProperty('ManagedPolicyArns');
  });

  it('has a policy that a MinIO takes for a session: short, without s3:if-none-match', () => {
    const text = JSON.stringify(rolePolicies(template, credential, BUCKET)['store']);
    expect(text.length).toBeLessThan(2048);
    expect(text).not.toMatch(/s3:if-/i);
  });

  it('is taken only by its function, on the runtime, with the code of its own entry', () => {
    const role = resourceOf(template, 'AWS::IAM::Role', credential, BUCKET);
    expect(property(role, 'AssumeRolePolicyDocument', 'Statement')).toEqual([
      {
        Action: 'sts:AssumeRole',
        Effect: 'Allow',
        Principal: { Service: 'lambda.amazonaws.com' },
      },
    ]);
    const lambda = resourceOf(template, 'AWS::Lambda::Function', credential, BUCKET);
    expect(lambda.Properties).toMatchObject({
      Role: `<${role.id}.Arn>`,
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      Handler: 'index.handler',
      Environment: { Variables: { COATCHECK_SITE: '<Site>', COATCHECK_BUCKET: BUCKET } },
    });
    const asset = `asset.${String(property(lambda, 'Code', 'S3Key')).replace(/\.zip$/, '')}`;
    const code = readFileSync(join(folder, asset, 'index.mjs'));
    expect(code.equals(bundleEntry(`functions/lambda/${credential}.ts`))).toBe(true);
  });

  it('has a log group that forgets', () => {
    const logGroup = resourceOf(template, 'AWS::Logs::LogGroup', credential, BUCKET);
    expect(property(logGroup, 'RetentionInDays')).toBe(90);
    const lambda = resourceOf(template, 'AWS::Lambda::Function', credential, BUCKET);
    expect(property(lambda, 'LoggingConfig')).toEqual({ LogGroup: `<${logGroup.id}>` });
  });
});

it('has no other role, policy or function', () => {
  template.resourceCountIs('AWS::IAM::Role', 3);
  template.resourceCountIs('AWS::IAM::Policy', 0);
  template.resourceCountIs('AWS::IAM::ManagedPolicy', 0);
  template.resourceCountIs('AWS::Lambda::Function', 3);
});

describe('a stack that probes itself', () => {
  it('has a fourth function, whose role may take the three others and write its log, and no more', () => {
    const { template: probing } = synthesise({ probe: 'true' });
    const { logs, ...others } = rolePolicies(probing, 'doctor', BUCKET);
    expect(Object.keys(others)).toEqual([]);
    expect(rights(logs!.Statement)).toHaveLength(2);
    const roles = CREDENTIALS.map((one) => resourceOf(probing, 'AWS::IAM::Role', one, BUCKET));
    const [policy, ...more] = Object.values(resourcesOf(probing, 'AWS::IAM::Policy', BUCKET));
    expect(more).toEqual([]);
    expect(
      rights((property(policy, 'PolicyDocument') as { Statement: never[] }).Statement),
    ).toEqual(roles.map(({ id }) => `Allow sts:AssumeRole <${id}.Arn>`).toSorted());
    const doctor = resourceOf(probing, 'AWS::IAM::Role', 'doctor', BUCKET);
    for (const role of roles) {
      expect(property(role, 'AssumeRolePolicyDocument', 'Statement')).toMatchObject([
        {
          Action: 'sts:AssumeRole',
          Principal: { Service: 'lambda.amazonaws.com', AWS: `<${doctor.id}.Arn>` },
        },
      ]);
    }
    for (const credential of CREDENTIALS) {
      const [own, plain] = [probing, template].map((one) =>
        rights(rolePolicies(one, credential, BUCKET)['store']!.Statement),
      );
      expect(own).toEqual(plain);
    }
  });

  it('has one more route, throttled, at that function; and none of it unless it is asked for', () => {
    const routeKeys = (from: Template): string[] =>
      Object.values(resourcesOf(from, 'AWS::ApiGatewayV2::Route', BUCKET)).map((route) =>
        String(property(route, 'RouteKey')),
      );
    const { template: probing } = synthesise({ probe: 'true' });
    const before = routeKeys(template);
    expect(routeKeys(probing).filter((key) => !before.includes(key))).toEqual([
      'POST /v1/admin/probe',
    ]);
    const [stage] = Object.values(resourcesOf(probing, 'AWS::ApiGatewayV2::Stage', BUCKET));
    expect(property(stage, 'RouteSettings', 'POST /v1/admin/probe')).toEqual({
      ...{ ThrottlingRateLimit: 1, ThrottlingBurstLimit: 5 },
    });
    expect(routeKeys(synthesise({ probe: 'false' }).template)).toEqual(before);
  });
});

it('lets no role delete from history/, whatever its rights name', () => {
  const deletes = CREDENTIALS.flatMap((c) =>
    rights(rolePolicies(template, c, BUCKET)['store']!.Statement),
  ).filter((right) => /Delete|s3:\*/.test(right));
  expect(deletes.toSorted()).toEqual([
    ...['cosign', 'pending', 'rejected', 'reports'].map(
      (prefix) => `Allow s3:DeleteObject ${ARN}/${prefix}/*`,
    ),
  ]);
});

describe('the bucket', () => {
  const properties = () => Object.values(resourcesOf(template, 'AWS::S3::Bucket', BUCKET));

  it('is one, private, owned by its owner, encrypted, versioned, and stays when the stack goes', () => {
    expect(properties()).toHaveLength(1);
    expect(properties()[0]).toMatchObject({
      DeletionPolicy: 'Retain',
      UpdateReplacePolicy: 'Retain',
      Properties: {
        PublicAccessBlockConfiguration: {
          BlockPublicAcls: true,
          BlockPublicPolicy: true,
          IgnorePublicAcls: true,
          RestrictPublicBuckets: true,
        },
        OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
        BucketEncryption: {
          ServerSideEncryptionConfiguration: [
            { ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } },
          ],
        },
        VersioningConfiguration: { Status: 'Enabled' },
      },
    });
  });

  it('expires old versions, proposals that nobody decided about, and no other object', () => {
    expect(property(properties()[0], 'LifecycleConfiguration', 'Rules')).toEqual([
      {
        Status: 'Enabled',
        AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 },
        ExpiredObjectDeleteMarker: true,
        NoncurrentVersionExpiration: { NoncurrentDays: 90 },
      },
      { Status: 'Enabled', Prefix: 'pending/', ExpirationInDays: 30 },
    ]);
  });

  it('has a policy that stays with it and only denies: no TLS, a put to history/ without a condition, a delete there', () => {
    const [policy] = Object.values(resourcesOf(template, 'AWS::S3::BucketPolicy', BUCKET));
    expect(policy).toMatchObject({ DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' });
    const everything = [ARN, `${ARN}/*`];
    const anybody = { Effect: 'Deny', Principal: { AWS: '*' } };
    const statements = property(policy, 'PolicyDocument', 'Statement');
    expect(statements).toEqual([
      {
        ...anybody,
        Sid: 'OnlyTls',
        Action: 's3:*',
        Resource: everything,
        Condition: { Bool: { 'aws:SecureTransport': 'false' } },
      },
      {
        ...anybody,
        Sid: 'OnlyNewTls',
        Action: 's3:*',
        Resource: everything,
        Condition: { NumericLessThan: { 's3:TlsVersion': 1.2 } },
      },
      {
        ...anybody,
        Sid: 'HistoryWriteOnce',
        Action: 's3:PutObject',
        Resource: `${ARN}/history/*`,
        // Both in one block: denied only if both headers are absent.
        Condition: { Null: { 's3:if-none-match': 'true', 's3:if-match': 'true' } },
      },
      {
        ...anybody,
        Sid: 'HistoryKept',
        Action: 's3:DeleteObject',
        Resource: `${ARN}/history/*`,
      },
    ]);
    const written = JSON.stringify({ Statement: statements });
    expect(judgePolicy(written, BUCKET)).toEqual({ status: 'ok', found: 'yes' });
  });
});

describe('the HTTP API', () => {
  it('has every route of the protocol, each at the function of its credential, and no other', () => {
    const integrations = resourcesOf(template, 'AWS::ApiGatewayV2::Integration', BUCKET);
    const wired = Object.values(resourcesOf(template, 'AWS::ApiGatewayV2::Route', BUCKET)).map(
      (route) => {
        const [, target] = /^integrations\/<(\w+)>$/.exec(String(property(route, 'Target')))!;
        const uri = property(integrations[target!], 'IntegrationUri');
        return `${String(property(route, 'RouteKey'))} -> ${String(uri)}`;
      },
    );
    const expected = Object.values(ROUTES).map(({ method, path, credential }) => {
      const who = credential === 'any' ? 'download' : credential;
      const { id } = resourceOf(template, 'AWS::Lambda::Function', who, BUCKET);
      return `${method} ${path.replace(':node', '{node}')} -> <${id}.Arn>`;
    });
    expect(wired.toSorted()).toEqual(expected.toSorted());
  });

  it('is throttled, and by route, so that who floods proposals takes nothing from boots', () => {
    const [stage, ...more] = Object.values(
      resourcesOf(template, 'AWS::ApiGatewayV2::Stage', BUCKET),
    );
    expect(more).toEqual([]);
    expect(stage!.Properties).toMatchObject({
      StageName: '$default',
      DefaultRouteSettings: { ThrottlingRateLimit: 50, ThrottlingBurstLimit: 100 },
      RouteSettings: {
        'GET /v1/nodes/{node}/config': { ThrottlingRateLimit: 200, ThrottlingBurstLimit: 400 },
        'POST /v1/nodes/{node}/proposals': { ThrottlingRateLimit: 10, ThrottlingBurstLimit: 50 },
        'POST /v1/nodes/{node}/accept': { ThrottlingRateLimit: 10, ThrottlingBurstLimit: 50 },
      },
    });
  });

  it('has its stage made after the routes that the stage has settings of', () => {
    const [stage] = Object.values(template.findResources('AWS::ApiGatewayV2::Stage'));
    const routes = template.findResources('AWS::ApiGatewayV2::Route');
    const awaited = (stage!['DependsOn'] as string[]).map((id) =>
      String(property(routes[id] as Resource | undefined, 'RouteKey')),
    );
    const { RouteSettings } = stage!['Properties'] as { RouteSettings: object };
    expect(awaited).toEqual(expect.arrayContaining(Object.keys(RouteSettings)));
  });
});

describe('the site', () => {
  it('is asked for at deployment if none is named: the parameter has no default', () => {
    expect(template.findParameters('Site')['Site']).toEqual({
      Type: 'String',
      Description: expect.stringContaining('site.json') as string,
      MinLength: 1,
      MaxLength: MAX_SITE_BYTES,
    });
  });

  it('stands in every function if -c site= names it', () => {
    const { site } = makeSite();
    const file = join(folder, 'site.json');
    // The functions open no bundle, and where they are and whom clients believe is not for them.
    const more = {
      servers: ['https://coatcheck.example'],
      ca: makeAuthority(join(folder, 'ca')).ca,
      stores: ['https://*.s3.eu-central-1.amazonaws.com'],
      paths: [{ pattern: 'etc/vdsm/**' }],
    };
    writeFileSync(file, formatSite({ ...site, ...more }));
    const { template: named } = synthesise({ site: file });
    expect(named.findParameters('Site')).toEqual({});
    for (const credential of CREDENTIALS) {
      const lambda = resourceOf(named, 'AWS::Lambda::Function', credential, BUCKET);
      const text = String(property(lambda, 'Environment', 'Variables', 'COATCHECK_SITE'));
      expect(parseSite(text, parseCa)).toEqual(site);
    }
  });

  it('fits with as many administrators as a keyset holds, and no longer text is tried', () => {
    const admins = Array.from({ length: MAX_RECIPIENTS - 1 }, (_, i) =>
      makeAdmin(String(i).padStart(32, '-')),
    );
    expect(Buffer.byteLength(formatSite(makeSite({ admins }).site))).toBeLessThan(MAX_SITE_BYTES);
    const large = makeSite({ admins: admins.slice(0, 14) }).site;
    const next = nextKeyset({ signed: large.pinned, admins: admins.slice(0, 14) }, admins, 14);
    const file = join(folder, 'large.json');
    writeFileSync(file, formatSite({ ...large, ancestors: [large.pinned], pinned: next }));
    expect(() => synthesise({ site: file })).toThrow(`${MAX_SITE_BYTES} bytes`);
  });

  it('is refused, if the file is missing or is no site.json', () => {
    expect(() => synthesise({ site: join(folder, 'missing.json') })).toThrow(
      expect.objectContaining({ code: 'file_missing' }) as Error,
    );
    const malformed = join(folder, 'malformed.json');
    writeFileSync(malformed, '{"coatcheck":"site/1"}');
    expect(() => synthesise({ site: malformed })).toThrow(
      expect.objectContaining({
        code: 'file_malformed',
        message: expect.stringContaining(malformed) as string,
      }) as Error,
    );
  });
});

describe('what keeps strangers small', () => {
  const environmentOf = (from: Template, credential: Credential): Record<string, unknown> =>
    property(
      resourceOf(from, 'AWS::Lambda::Function', credential, BUCKET),
      ...['Environment', 'Variables'],
    ) as Record<string, unknown>;

  it('is an enrolment token that stands in no template: the upload function reads it, and may', () => {
    const arn = 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:token-AbCdEf';
    for (const [context, from, action] of [
      [{ tokenParameter: '/coatcheck/token' }, 'ssm:/coatcheck/token', 'ssm:GetParameter'],
      [{ tokenSecret: arn }, `secretsmanager:${arn}`, 'secretsmanager:GetSecretValue'],
    ] as const) {
      const { template: asked } = synthesise(context);
      for (const credential of CREDENTIALS) {
        expect(environmentOf(asked, credential)['COATCHECK_TOKEN_FROM']).toBe(from);
        expect(environmentOf(template, credential)).not.toHaveProperty('COATCHECK_TOKEN_FROM');
      }
      const policies = Object.values(asked.findResources('AWS::IAM::Policy'));
      expect(policies).toHaveLength(1);
      expect(JSON.stringify(policies)).toContain(action);
      const { Roles } = policies[0]!['Properties'] as { Roles: { Ref: string }[] };
      expect(Roles.map(({ Ref }) => Ref)).toEqual([
        resourceOf(asked, 'AWS::IAM::Role', 'upload', BUCKET).id,
      ]);
    }
  });

  it('is that each function knows the name of the API, and those that are told', () => {
    const urls = 'https://coatcheck.example,https://lan.example:8443';
    const { template: named } = synthesise({ publicUrls: urls, maxPending: '50', maxNodes: '7' });
    for (const credential of CREDENTIALS) {
      const own = JSON.stringify(environmentOf(template, credential)['COATCHECK_PUBLIC_URLS']);
      expect(own).toMatch(/^"https:\/\//);
      const raw = Object.values(template.findResources('AWS::Lambda::Function'));
      expect(JSON.stringify(raw)).toMatch(/COATCHECK_PUBLIC_URLS[^}]*}?.*execute-api/);
      expect(environmentOf(template, credential)).not.toHaveProperty('COATCHECK_MAX_PENDING');
      const told = environmentOf(named, credential);
      expect(JSON.stringify(told['COATCHECK_PUBLIC_URLS'])).toMatch(
        /^"https:\/\/coatcheck\.example https:\/\/lan\.example:8443 /,
      );
      expect([told['COATCHECK_MAX_PENDING'], told['COATCHECK_MAX_NODES']]).toEqual(['50', '7']);
    }
  });

  it('reaches the bucket by IPv6 too where that is asked for', () => {
    const { template: dual } = synthesise({ dualStack: 'true' });
    for (const credential of CREDENTIALS) {
      expect(environmentOf(template, credential)).not.toHaveProperty('COATCHECK_DUAL_STACK');
      expect(environmentOf(dual, credential)['COATCHECK_DUAL_STACK']).toBe('1');
    }
  });

  it.each([
    { publicUrls: 'coatcheck.example' },
    { publicUrls: 'https://coatcheck.example/below' },
    { publicUrls: Array.from({ length: 7 }, (_, i) => `https://n${i}.example`).join(',') },
    { maxNodes: '0' },
    { ownAddress: 'false' },
    { domain: 'coatcheck.example' },
    { tokenParameter: '/token', tokenSecret: 'arn' },
    { bucketPolicy: 'false' },
    { maxPending: '0' },
    { maxPending: '1001' },
    { maxPending: 'many' },
    { dualStack: 'perhaps' },
    { probe: 'perhaps' },
  ])('is refused as %j', (context) => {
    expect(() => synthesise(context)).toThrow(expect.objectContaining({ code: 'usage' }) as Error);
  });
});
