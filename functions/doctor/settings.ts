import { PENDING_DAYS, PREFIXES } from '../../protocol/keys.ts';
import { describeFailure } from '../../store/s3-errors.ts';
import type { LifecycleRule, S3Settings } from '../../store/s3-settings.ts';
import type { Finding } from './probe.ts';

type Judged = Pick<Finding, 'status' | 'found' | 'advice'>;

/**
 * What whoever made a bucket set of it: that what is overwritten can be restored, that nobody opens it to all, that its rules
 * end what waits and nothing else, and that it keeps the record by itself (docs/adr/0071). Nothing rests on these
 * alone: at worst they are warnings, and where the credential or the server does not tell they are `unknown`.
 */
export async function probeSettings(settings: S3Settings): Promise<Finding[]> {
  const { bucket } = settings;
  return [
    await ask('older versions of objects are kept', 's3:GetBucketVersioning', async () =>
      judgeVersioning(await settings.versioning()),
    ),
    await ask('the bucket blocks public access', 's3:GetBucketPublicAccessBlock', async () =>
      judgePublicAccess(await settings.publicAccess()),
    ),
    await ask(
      'lifecycle rules end what waits, and nothing else',
      's3:GetLifecycleConfiguration',
      async () => judgeLifecycle((await settings.lifecycle()) ?? []),
    ),
    await ask(
      'the bucket refuses to overwrite and delete in history/',
      's3:GetBucketPolicy',
      async () => judgePolicy(await settings.policy(), bucket),
    ),
  ];
}

/** @param right what the credential needs for it */
async function ask(probe: string, right: string, look: () => Promise<Judged>): Promise<Finding> {
  try {
    return { probe, ...(await look()) };
  } catch (error) {
    const { status, name, message } = describeFailure(error);
    const isDenied = status === 401 || status === 403;
    return {
      probe,
      status: 'unknown',
      found: `not known: ${status === 0 ? message : `${status} ${name}`}`,
      advice: isDenied
        ? `to have it looked at, let the admin credential do ${right} on the bucket`
        : 'this server does not say: ask whoever runs it',
    };
  }
}

function judgeVersioning(status: string | undefined): Judged {
  if (status === 'Enabled') return { status: 'ok', found: 'yes' };
  return {
    status: 'warn',
    found: status === undefined ? 'no' : status.toLowerCase(),
    advice: 'switch versioning on, or have copies made (coatcheck store copy)',
  };
}

const BLOCKS = [
  'BlockPublicAcls',
  'BlockPublicPolicy',
  'IgnorePublicAcls',
  'RestrictPublicBuckets',
] as const;

function judgePublicAccess(block: Awaited<ReturnType<S3Settings['publicAccess']>>): Judged {
  const off = BLOCKS.filter((name) => block?.[name] !== true);
  if (off.length === 0) return { status: 'ok', found: 'yes' };
  return {
    status: 'warn',
    found: off.length === BLOCKS.length ? 'no' : `not ${off.join(', ')}`,
    advice: 'switch all four on: one line of a policy could open the bucket',
  };
}

/** From these storage classes nothing is read before somebody restores it. */
const ARCHIVES = new Set(['GLACIER', 'DEEP_ARCHIVE']);

/** Also of a rule that was written as S3 had them once. Rules for tags are not ours: our objects have none. */
function prefixOf(rule: LifecycleRule): string | undefined {
  const { Filter, Prefix } = rule as Pick<LifecycleRule, 'Filter'> & { Prefix?: string };
  if (Filter?.Tag !== undefined || (Filter?.And?.Tags ?? []).length > 0) return undefined;
  return Filter?.And?.Prefix ?? Filter?.Prefix ?? Prefix ?? '';
}

/** @param rules those of a bucket; none is that they end nothing */
export function judgeLifecycle(rules: readonly LifecycleRule[]): Judged {
  const active = rules.filter(({ Status }) => Status === 'Enabled');
  const about = (prefix: string): LifecycleRule[] =>
    active.filter((rule) => {
      const of = prefixOf(rule);
      return of !== undefined && (of.startsWith(prefix) || prefix.startsWith(of));
    });
  const ends = ({ Expiration }: LifecycleRule): boolean =>
    Expiration?.Days !== undefined || Expiration?.Date !== undefined;
  const archives = ({ Transitions }: LifecycleRule): boolean =>
    (Transitions ?? []).some(({ StorageClass }) => ARCHIVES.has(StorageClass ?? ''));
  const harmed = PREFIXES.map((name) => `${name}/`).filter((prefix) =>
    about(prefix).some((rule) => archives(rule) || (prefix !== 'pending/' && ends(rule))),
  );
  if (harmed.length > 0) {
    return {
      status: 'warn',
      found: `rules delete or archive what is in ${harmed.join(', ')}`,
      advice: 'let rules end pending/ alone: what is in force would go with the rest',
    };
  }
  const pending = active.filter(
    (rule) => 'pending/'.startsWith(prefixOf(rule) ?? 'of no object of ours') && ends(rule),
  );
  if (pending.length === 0) {
    return {
      status: 'warn',
      found: 'nothing ends what waits',
      advice: `add a rule that expires pending/ after ${PENDING_DAYS} days; where coatcheck serve runs it does that itself`,
    };
  }
  if (pending.some(({ Expiration }) => (Expiration?.Days ?? 0) < PENDING_DAYS)) {
    return {
      status: 'warn',
      found: `what waits ends before its ${PENDING_DAYS} days`,
      advice: `let the rule expire pending/ after ${PENDING_DAYS} days`,
    };
  }
  return { status: 'ok', found: 'yes' };
}

interface Statement {
  readonly Effect?: unknown;
  readonly Principal?: unknown;
  readonly Action?: unknown;
  readonly Resource?: unknown;
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : [value]);

/**
 * Whether a bucket's policy has the two refusals of infra/bucket.ts, to everybody. Only in forms that can mean nothing
 * else: another is said to be missing.
 *
 * @param text of the policy; undefined where the bucket has none
 */
export function judgePolicy(text: string | undefined, bucket: string): Judged {
  const { Statement: statements } = JSON.parse(text ?? '{}') as { Statement?: unknown };
  const refusals = listOf(statements)
    .filter((one): one is Statement => typeof one === 'object' && one !== null)
    .filter(
      ({ Effect, Principal, Resource }) =>
        Effect === 'Deny' && isEverybody(Principal) && coversHistory(Resource, bucket),
    );
  const refuses = (action: string, { Action }: Statement): boolean =>
    listOf(Action).some((name) => name === '*' || name === 's3:*' || name === `s3:${action}`);
  const has = {
    'PutObject without a condition': refusals.some(
      (one) => refuses('PutObject', one) && isUnconditional(one),
    ),
    DeleteObject: refusals.some(
      (one) => refuses('DeleteObject', one) && one.Condition === undefined,
    ),
  };
  const missing = Object.entries(has).flatMap(([what, is]) => (is ? [] : [what]));
  if (missing.length === 0) return { status: 'ok', found: 'yes' };
  return {
    status: 'warn',
    found: `its policy does not refuse ${missing.join(', nor ')}`,
    advice: 'add the two statements of docs/deploy-aws.md, if this server takes them',
  };
}

function isEverybody(principal: unknown): boolean {
  if (principal === '*') return true;
  const { AWS } = (principal ?? {}) as { AWS?: unknown };
  return listOf(AWS).includes('*');
}

/** In any partition of AWS. */
function coversHistory(resource: unknown, bucket: string): boolean {
  const ends = ['*', 'history/*'].map((keys) => `:s3:::${bucket}/${keys}`);
  return listOf(resource).some(
    (name) => name === '*' || (typeof name === 'string' && ends.some((end) => name.endsWith(end))),
  );
}

/** Refuses a put that says neither that nothing is there nor what is. */
function isUnconditional({ Condition }: Statement): boolean {
  const [[operator, keys] = [], ...more] = Object.entries(Condition ?? {});
  const wanted = Object.entries(keys ?? {});
  return (
    more.length === 0 &&
    operator === 'Null' &&
    wanted.some(([key]) => key.toLowerCase() === 's3:if-none-match') &&
    wanted.every(
      ([key, value]) =>
        /^s3:if-(none-)?match$/i.test(key) && listOf(value).every((one) => String(one) === 'true'),
    )
  );
}
