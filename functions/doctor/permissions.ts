import { utf8 } from '../../bundle/bytes.ts';
import { hasCode } from '../../protocol/errors.ts';
import { parseKey, PREFIXES } from '../../protocol/keys.ts';
import type { ObjectKey, Prefix } from '../../protocol/keys.ts';
import { CREDENTIALS, PERMISSIONS } from '../../protocol/permissions.ts';
import type { Credential } from '../../protocol/permissions.ts';
import { DOCTOR, EMPTY_KEYS, reason } from './probe.ts';
import type { Finding, Lab } from './probe.ts';

const OPERATIONS = ['get', 'list', 'put', 'delete'] as const;
type Operation = (typeof OPERATIONS)[number];

/**
 * What each credential can and cannot do, by operation and prefix, against protocol/permissions.ts.
 * @param options.keepsConditions false to try no write: without conditions it would leave something
 */
export async function probePermissions(
  lab: Lab,
  { keepsConditions = true } = {},
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const credential of CREDENTIALS) {
    for (const operation of OPERATIONS) {
      if (operation === 'put' && !keepsConditions) continue;
      findings.push(await probe(lab, credential, operation));
    }
  }
  return findings;
}

function isAllowed(credential: Credential, operation: Operation, prefix: Prefix): boolean {
  const allowed = PERMISSIONS[credential][operation];
  return allowed === 'bucket' || allowed.includes(prefix);
}

async function probe(lab: Lab, credential: Credential, operation: Operation): Promise<Finding> {
  const allowed = PREFIXES.filter((prefix) => isAllowed(credential, operation, prefix));
  const name = `${credential} may ${operation} ${allowed.length === 0 ? 'nothing' : allowed.join(', ')}`;
  const wrong: string[] = [];
  for (const prefix of PREFIXES) {
    const may = allowed.includes(prefix);
    // Writing is shown by the other probes; here it could only leave something behind.
    if (may && credential === 'upload' && operation === 'put') continue;
    try {
      const there = operation === 'get' ? await someKey(lab, prefix) : undefined;
      // To a signer that may not list the bucket, S3 refuses a missing key as it does a forbidden one.
      const isBlind = PERMISSIONS[credential].list !== 'bucket';
      if (operation === 'get' && may && isBlind && there === undefined) continue;
      const key = there ?? EMPTY_KEYS[prefix];
      const could = await attempt(lab, credential, operation, key, may);
      if (could !== may) wrong.push(`${could ? 'can' : 'cannot'} ${operation} ${prefix}/`);
    } catch (error) {
      wrong.push(`${prefix}/: ${reason(error)}`);
    }
  }
  if (wrong.length === 0) return { probe: name, status: 'ok', found: 'and nothing else' };
  return {
    probe: name,
    status: 'fail',
    found: wrong.join('; '),
    advice: `give the ${credential} credential exactly the rights of docs/config.md, "Credentials"`,
  };
}

/**
 * Whether the credential can do it. Where it may put, it asks for a replace that has to fail, so
 * nothing is written; where it may not, it tries to create, and what that leaves behind when it
 * succeeds belongs to no node.
 */
async function attempt(
  lab: Lab,
  credential: Credential,
  operation: Operation,
  key: ObjectKey,
  may: boolean,
): Promise<boolean> {
  const store = lab.stores[credential];
  const { prefix } = parseKey(key)!;
  const body = utf8('coatcheck doctor');
  try {
    if (operation === 'get') await store.get(key, { maxBytes: 1 << 20 });
    else if (operation === 'list') await store.list(listPrefix(prefix), { limit: 1 });
    else if (operation === 'delete') await store.delete(key);
    else if (may) await store.replace(key, body, '0'.repeat(32));
    else await store.create(key, body);
    return true;
  } catch (error) {
    if (hasCode(error, 'store_denied')) return false;
    if (hasCode(error, 'precondition_failed', 'already_exists', 'too_large')) return true;
    throw error;
  } finally {
    if (operation === 'put' && PERMISSIONS.admin.delete.includes(prefix) && !may) {
      await lab.stores.admin.delete(key).catch(() => undefined);
    }
  }
}

/** An object that is there, to be read: undefined if there is none, or nothing can be listed. */
async function someKey(lab: Lab, prefix: Prefix): Promise<ObjectKey | undefined> {
  const page = await lab.stores.admin.list(`${prefix}/`, { limit: 1 }).catch(() => undefined);
  const key = page?.objects[0]?.key;
  return key !== undefined && parseKey(key)?.prefix === prefix ? key : undefined;
}

const listPrefix = (prefix: Prefix): string =>
  prefix === 'approved' || prefix === 'reports' || prefix === 'keysets'
    ? `${prefix}/`
    : `${prefix}/${DOCTOR}/`;
