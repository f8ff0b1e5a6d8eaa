import { expect, it } from 'vitest';
import { fromUtf8, toHex } from '../bundle/bytes.ts';
import type { Metadata } from '../bundle/index.ts';
import { parseDigest, pendingKey } from '../protocol/keys.ts';
import { serveInProcess } from '../tests/support/in-process.ts';
import { makeNode, makeSite, propose, SETTINGS } from '../tests/support/site.ts';
import { createSession, emptyMemory, findBundle, localKey, lookAt, openEntry } from './index.ts';
import { planApprove, planTransfer, sign } from './index.ts';

const { site, admins } = makeSite();
const { keyset } = site.pinned;
const wish = { reason: '', showSecrets: false, stat: false } as const;
const baseline = 'ab'.repeat(32);

async function world(metadata: Metadata = {}) {
  const server = serveInProcess(site);
  const session = await createSession({
    ...{ site, server: server.server, fetch: server.fetch, program: 'test' },
    key: localKey(admins[0]!.identity),
    memory: { load: async () => emptyMemory(site), add: async () => undefined },
  });
  const [old, fresh] = [makeNode('transfer old'), makeNode('transfer new')];
  const waits = async (node: typeof old, options: Partial<Parameters<typeof propose>[0]>) => {
    const { bytes, digest } = propose({ keyset, node, ...options });
    await server.store.create(pendingKey(node.id, parseDigest(toHex(digest))), bytes);
  };
  const files = { 'etc/hostname': 'web1\n', 'etc/ldap.secret': 'pass\n' };
  await waits(old, {
    files,
    metadata: { ...SETTINGS, hostname: 'web1', keySource: 'usb', ...metadata },
  });
  const standing = await lookAt(session, old.id);
  const place = findBundle(standing, undefined);
  const unseen = ['etc/ldap.secret'];
  await sign(session, await planApprove(session, standing, { ...wish, place, unseen }));
  const plan = async () =>
    planTransfer(session, await lookAt(session, old.id), await lookAt(session, fresh.id), {
      ...wish,
      unseen,
    });
  const heads = async () => {
    const [a, b] = [await lookAt(session, old.id), await lookAt(session, fresh.id)];
    return [a, b].map(({ history: { entries } }) =>
      entries.map(({ frame: { statement } }) => [statement.type, statement.reason]),
    );
  };
  return { server, session, old, fresh, waits, plan, heads };
}

it('gives what the old key has to the new one, refuses what that proposed, and revokes the old one', async () => {
  const { session, old, fresh, waits, plan, heads } = await world({ image: 'one', baseline });
  await waits(fresh, { metadata: { ...SETTINGS, keySource: 'tpm', image: 'two', baseline } });
  const { give, take, secrets } = await plan();
  expect(secrets).toEqual(['etc/ldap.secret']);
  await sign(session, give!);
  await sign(session, take!);
  expect(await heads()).toEqual([
    [
      ['approve', ''],
      ['revoke', `moved to ${fresh.id}`],
    ],
    [
      ['approve', `from ${old.id}`],
      ['reject', `configured as ${old.id}`],
    ],
  ]);
  const { history } = await lookAt(session, fresh.id);
  const { manifest, sealed } = await openEntry(session, fresh.id, history.inForce!);
  expect(manifest.node).toEqual({ signKey: fresh.signKey, boxKey: fresh.boxKey });
  expect(manifest.files.map(({ content }) => fromUtf8(content))).toEqual(['web1\n', 'pass\n']);
  expect(manifest.metadata).toMatchObject({ hostname: 'web1', keySource: 'tpm', image: 'two' });
  expect(sealed.recipientCount).toBe(2);
  expect(await plan()).toEqual({ secrets: [] });
});

it('does what is left, wherever it was cut short', async () => {
  const { session, waits, fresh, plan, heads } = await world();
  await waits(fresh, {});
  const whole = await plan();
  const { statements } = whole.give!;
  await sign(session, { ...whole.give!, statements: [statements[0]] });
  const second = await plan();
  expect(second.give?.statements.map(({ type }) => type)).toEqual(['reject']);
  expect([second.give?.review, second.secrets]).toEqual([undefined, []]);
  await sign(session, second.give!);
  const third = await plan();
  expect(third.give).toBeUndefined();
  await sign(session, third.take!);
  expect((await heads()).map((entries) => entries.length)).toEqual([2, 2]);
  expect(await plan()).toEqual({ secrets: [] });
});

it('refuses a key that nobody knows, a node twice, and an old one without a configuration', async () => {
  const { session, old, fresh, waits, plan } = await world();
  await expect(plan()).rejects.toMatchObject({ code: 'not_found' });
  const standing = await lookAt(session, old.id);
  await expect(planTransfer(session, standing, standing, wish)).rejects.toMatchObject({
    code: 'usage',
  });
  await waits(fresh, {});
  const other = await lookAt(session, fresh.id);
  await expect(planTransfer(session, other, standing, wish)).rejects.toMatchObject({
    code: 'not_found',
  });
});
