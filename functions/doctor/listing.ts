import { utf8 } from '../../bundle/bytes.ts';
import type { ObjectKey } from '../../protocol/keys.ts';
import { nodePrefix } from '../../protocol/keys.ts';
import { DOCTOR, freshKey, reason } from './probe.ts';
import type { Finding, Lab } from './probe.ts';

const ANOTHER_STORE = 'decisions are found by listing: use another store (docs/stores.md)';
const PREFIX = nodePrefix('pending', DOCTOR);
const BODY = utf8('coatcheck doctor');

/** What a listing has to show: everything that is there now, to the last page. */
export async function probeListing(lab: Lab): Promise<Finding[]> {
  return [await showsNow(lab), await goesToTheEnd(lab)];
}

async function showsNow(lab: Lab): Promise<Finding> {
  const probe = 'a listing shows what was written, and not what was deleted, just before';
  const { admin, upload } = lab.stores;
  const key = freshKey();
  const isListed = async (): Promise<boolean> =>
    (await admin.list(PREFIX)).objects.some((object) => object.key === key);
  try {
    const before = await isListed();
    await upload.create(key, BODY);
    const written = await isListed();
    await admin.delete(key);
    const deleted = !(await isListed());
    if (!before && written && deleted) return { probe, status: 'ok', found: 'at once' };
    const found = written ? 'a deleted object was listed' : 'a new object was not listed';
    return { probe, status: 'fail', found, advice: ANOTHER_STORE };
  } catch (error) {
    return { probe, status: 'fail', found: reason(error), advice: ANOTHER_STORE };
  } finally {
    await admin.delete(key).catch(() => undefined);
  }
}

async function goesToTheEnd(lab: Lab): Promise<Finding> {
  const probe = 'a listing goes on, page by page, to the last key';
  const { admin, upload } = lab.stores;
  const keys = [freshKey(), freshKey(), freshKey()].sort();
  const failed = (found: string): Finding => ({
    ...{ probe, status: 'fail', found, advice: ANOTHER_STORE },
  });
  try {
    for (const key of keys) await upload.create(key, BODY);
    const listed: ObjectKey[] = [];
    for (let after: string | undefined; ; after = listed.at(-1)) {
      const page = await admin.list(PREFIX, {
        limit: 2,
        ...(after === undefined ? {} : { after }),
      });
      listed.push(...page.objects.map(({ key }) => key));
      if (page.next === undefined) break;
      if (page.objects.length === 0) return failed('an empty page that says there are more');
    }
    const missing = keys.filter((key) => !listed.includes(key));
    if (missing.length > 0) return failed(`${missing.length} of ${keys.length} were left out`);
    if (listed.join() !== listed.toSorted().join()) return failed('the keys are not in order');

    if (await stopsShort(lab)) return failed('it said that it was complete, and it was not');
    return { probe, status: 'ok', found: 'complete and in order' };
  } catch (error) {
    return failed(reason(error));
  } finally {
    for (const key of keys) await admin.delete(key).catch(() => undefined);
  }
}

/** Whatever number of keys a store stops at without saying so, a site may reach it. */
async function stopsShort({ stores: { admin } }: Lab): Promise<boolean> {
  const first = await admin.list('');
  const last = first.objects.at(-1);
  if (last === undefined || first.next !== undefined) return false;
  const [beyond] = (await admin.list('', { after: last.key })).objects;
  if (beyond === undefined) return false;
  // Unless it was made in between.
  const again = await admin.list('');
  return again.next === undefined && !again.objects.some(({ key }) => key === beyond.key);
}
