import { describe, expect, it } from 'vitest';
import { toBase64Url } from '../../bundle/bytes.ts';
import { encodeSignedCapability } from '../../bundle/capability.ts';
import type { Capability } from '../../bundle/capability.ts';
import { encodeSignedKeyset } from '../../bundle/keyset.ts';
import { signCapability } from '../../bundle/sign-capability.ts';
import { CAPABILITY_HEADER, ROUTES } from '../../protocol/http.ts';
import type { RouteName } from '../../protocol/http.ts';
import { keysetKey } from '../../protocol/keys.ts';
import { makeAdmin, makeIdentity, nextKeyset } from '../support/site.ts';
import type { TestAdmin } from '../support/site.ts';
import { contents } from '../support/stores.ts';
import { makeApp, makeWorld, NOW, sendSigned } from './http-world.ts';
import type { World } from './http-world.ts';

const monitor = makeIdentity('monitor');
const MAY: readonly RouteName[] = ['health', 'ready', 'site', 'states', 'events'];

function capability(
  { site, admins }: World,
  more: Partial<Capability> = {},
  by: readonly TestAdmin[] = admins,
): string {
  const { signKey } = monitor;
  const times = { issued: NOW - 10, expires: NOW + 10 };
  const given = { site: site.id, keyset: site.pinned.digest, signKey, ...times, name: 'test' };
  const wanted = { ...given, ...more };
  const signatures = by.flatMap(
    ({ identity }, keyIndex) => signCapability(wanted, identity, keyIndex).signatures,
  );
  return toBase64Url(encodeSignedCapability({ capability: wanted, signatures }));
}

async function ask(
  world: World,
  name: RouteName,
  shown: string | undefined,
  more: { by?: typeof monitor; app?: World['app'] } = {},
): Promise<{ code: string | undefined; answer: Record<string, unknown> }> {
  const { by = monitor, app = world.app } = more;
  const headers = { [CAPABILITY_HEADER]: shown };
  const draft = { ...world.drafts[name], by };
  const response = await sendSigned(app, draft, { site: world.site.id, headers });
  const answer = (await response.json()) as Record<string, unknown> & { error?: { code: string } };
  return { code: answer.error?.code, answer };
}

describe('a capability', () => {
  it('is told states and events, and changes nothing and reads nothing else', async () => {
    const world = await makeWorld();
    const before = await contents(world.store);
    const shown = capability(world);
    const { answer } = await ask(world, 'states', shown);
    expect(answer).toMatchObject({ now: NOW });
    const text = JSON.stringify(answer);
    expect(text).toContain(world.known.id);
    expect(text).toContain(world.waiting.id);
    for (const word of ['http', 'url', 'digest', 'reason', 'hostname']) {
      expect(text).not.toContain(word);
    }
    expect((await ask(world, 'events', shown)).answer).toMatchObject({ waiting: 1, again: 0 });
    for (const name of Object.keys(ROUTES) as RouteName[]) {
      if (MAY.includes(name)) continue;
      const { code } = await ask(world, name, shown);
      expect(['not_an_admin', 'not_this_node'], name).toContain(code);
    }
    expect(await contents(world.store)).toEqual(before);
  });

  it.each<[string, (world: World) => string]>([
    ['that has ended', (world) => capability(world, { expires: NOW })],
    ['of another key', (world) => capability(world, { signKey: makeIdentity('other').signKey })],
    ['of another site', (world) => capability(world, { site: new Uint8Array(16).fill(9) })],
    ['of another keyset', (world) => capability(world, { keyset: new Uint8Array(32).fill(9) })],
    ['that nobody gave', (world) => capability(world, {}, [makeAdmin('eve'), makeAdmin('mal')])],
    ['that one of two gave', (world) => capability(world, {}, world.admins.slice(0, 1))],
    ['that is none', () => 'AAAA'],
    ['that is no base64', () => '!'],
    ['that is too long', () => 'A'.repeat(4000)],
    ['that is empty', () => ''],
  ])('%s is refused', async (_, make) => {
    const world = await makeWorld();
    for (const name of ['states', 'events'] as const) {
      expect((await ask(world, name, make(world))).code).toBe('capability_refused');
    }
  });

  it('is void once the keyset changed, however the server came to know of it', async () => {
    const world = await makeWorld();
    const shown = capability(world);
    const before = { signed: world.site.pinned, admins: world.admins };
    const next = nextKeyset(before, [...world.admins, makeAdmin('cyd')], 2);
    await world.store.create(keysetKey(2), encodeSignedKeyset(next));
    const app = makeApp(world, world.store);
    expect((await ask(world, 'states', shown, { app })).code).toBe('capability_refused');
    const anew = capability(world, { keyset: next.digest });
    expect((await ask(world, 'states', anew, { app })).code).toBeUndefined();
  });

  it('is not needed by an administrator, and no use without its key', async () => {
    const world = await makeWorld();
    expect((await ask(world, 'states', undefined)).code).toBe('not_an_admin');
    const { identity } = world.ada;
    expect((await ask(world, 'states', undefined, { by: identity })).code).toBeUndefined();
    const stolen = { by: world.waiting };
    expect((await ask(world, 'states', capability(world), stolen)).code).toBe('capability_refused');
  });
});
