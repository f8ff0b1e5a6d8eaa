import { describe, expect, it } from 'vitest';
import { fromHex, toBase64Url } from '../../bundle/bytes.ts';
import { encodeChain } from '../../bundle/keyset.ts';
import type { StatementType } from '../../bundle/statement.ts';
import { fail } from '../../protocol/errors.ts';
import { pathList } from '../../protocol/paths.ts';
import { parseDigest } from '../../protocol/keys.ts';
import { fileEntry } from '../../tests/support/frames.ts';
import { makeNode, makeSite } from '../../tests/support/site.ts';
import { next } from './boot.ts';
import type { Node } from './node.ts';
import { createPatience } from './patience.ts';
import type { Servers } from './servers.ts';
import type { Draft } from './snapshot.ts';
import type { Decision, Look } from './source.ts';
import { canAnswer, pressed } from './state.ts';
import type { Progress, RefusedState, State, UndraftedState, WaitingState } from './state.ts';
import type { BootOptions } from './step.ts';

const NOW = 1_790_000_000;
const { site } = makeSite();
const keyset = site.pinned.keyset;

function decision(
  type: StatementType,
  seq: number,
  digest: Uint8Array = new Uint8Array(32),
): Decision {
  const statement = { type, seq, issued: NOW, reason: '', digest };
  const frame = {
    statement,
    keyset,
    signers: [0],
    self: false,
    statementDigest: new Uint8Array(32),
  };
  return { frame, proof: new Uint8Array(1), serverNow: NOW } as unknown as Decision;
}

const EARLIER = parseDigest('ea'.repeat(32));
const refusal = decision('reject', 3);
const draft: Draft = { files: [fileEntry('etc/hostname', 'node\n')], metadata: {} };

const undrafted: UndraftedState = { name: 'undrafted' };
const waiting: WaitingState = { name: 'waiting', digest: EARLIER, seen: Infinity };
/** Nobody has asked for more than an hour whether it still does. */
const forgotten: WaitingState = { ...waiting, seen: -Infinity };
const refused: RefusedState = { name: 'refused', digest: EARLIER, refusal };
const stopped: State = { name: 'stopped', from: undrafted };
const again: State = { name: 'again', from: refused };
const unsent: State = { name: 'unsent', from: refused, draft, after: EARLIER };

const NOTHING: Look = { state: 'nothing' };
const away = fail('server_unreachable', 'away');
const AWAY: Look = { state: 'failed', error: away };
const found = (type: StatementType, seq: number, digest?: Uint8Array): Look => ({
  state: 'found',
  decision: decision(type, seq, digest),
});

/** What meets a look: all of it as at a machine that nobody knows yet, unless told otherwise. */
interface World {
  readonly look?: Look;
  /** Of the proposal that waits */
  readonly rejection?: Look;
  /** What the server says to an upload; it takes it where this is absent */
  readonly upload?: Error;
  readonly replaces?: Progress['replaces'];
  readonly options?: Partial<BootOptions>;
}
const drafts: Partial<BootOptions> = { draft: () => Promise.resolve(draft) };
const asks: Partial<BootOptions> = { ...drafts, redraft: drafts.draft!, asks: true };
const stops: Partial<BootOptions> = {
  ...{ draft: () => Promise.resolve(undefined), redraft: () => Promise.resolve(undefined) },
  asks: true,
};
const standing = (code: 'waiting' | 'rejected'): Error =>
  fail(code, 'an earlier one', { details: { digest: EARLIER } });

/** `found`, or the code that it waits with and the state that it goes on in, `!` for at once. */
async function after(state: State, world: World): Promise<string> {
  const node = {
    ...{ site, identity: makeNode(), rootPath: '/', paths: pathList(), now: () => NOW, built: NOW },
    ...{
      console: { note: () => undefined, progress: () => undefined },
      memory: { load: () => undefined },
    },
  } as unknown as Node;
  const client = {
    site: () => Promise.resolve({ chain: toBase64Url(encodeChain([site.pinned])) }),
    propose: () => (world.upload ? Promise.reject(world.upload) : Promise.resolve({ put: {} })),
    put: () => Promise.resolve(),
  };
  const servers = {
    ...{ ask: (question: (of: unknown) => unknown) => question(client), passOver: () => undefined },
  } as unknown as Servers;
  const source = {
    inForce: () => Promise.resolve(world.look ?? NOTHING),
    rejection: () => Promise.resolve(world.rejection ?? NOTHING),
  };
  const options = { patience: createPatience(), ...world.options };
  const progress = { state, replaces: world.replaces };
  const step = await next({ node, servers, source, options }, progress);
  if ('found' in step) return 'found';
  return `${step.why.code}: ${step.progress.state.name}${step.soon === true ? '!' : ''}`;
}

describe('a boot', () => {
  it.each<[string, State, World, string]>([
    // What is in force ends it, whatever somebody was about to do; what is not good is waited for.
    ['has what is approved', undrafted, { look: found('approve', 1) }, 'found'],
    ['has it while its proposal waits', waiting, { look: found('approve', 4) }, 'found'],
    ['has it before an answer is sent', unsent, { look: found('approve', 4) }, 'found'],
    ['waits where it is revoked', again, { look: found('revoke', 4) }, 'revoked: again'],
    ['waits for a server', unsent, { look: AWAY }, 'server_unreachable: unsent'],
    [
      'stays stopped where no server answers',
      stopped,
      { look: AWAY },
      'server_unreachable: stopped',
    ],

    // Nothing is in force.
    ['proposes nothing unless told', undrafted, {}, 'nothing_approved: undrafted'],
    ['proposes a draft', undrafted, { options: drafts }, 'nothing_approved: waiting'],
    ['asks for one', undrafted, { options: asks }, 'nothing_approved: waiting'],
    [
      'waits for a key where that is stopped',
      undrafted,
      { options: stops },
      'nothing_approved: stopped',
    ],
    ['asks nobody again before', stopped, { options: asks }, 'nothing_approved: stopped'],
    ['waits for what it sent', waiting, { options: drafts }, 'nothing_approved: waiting'],
    ['asks nobody while it does', waiting, { options: asks }, 'nothing_approved: waiting'],
    ['waits for a server that knows', waiting, { rejection: AWAY }, 'server_unreachable: waiting'],
    [
      'hears of a refusal',
      waiting,
      { rejection: found('reject', 3), options: drafts },
      'rejected: refused',
    ],
    ['stays with it', refused, { options: drafts }, 'rejected: refused'],
    ['asks nobody but by a key', refused, { options: asks }, 'rejected: refused'],
    [
      'asks at once who answers',
      waiting,
      { rejection: found('reject', 3), options: asks },
      'nothing_approved: waiting',
    ],
    ['makes another after a key', again, { options: asks }, 'nothing_approved: waiting'],
    ['makes none where it has no other', again, { options: drafts }, 'rejected: refused'],
    ['makes none where that is stopped', again, { options: stops }, 'rejected: refused'],

    // What waits from an earlier boot is asked after, hourly.
    [
      'drafts anew where it is gone',
      forgotten,
      { options: drafts },
      'nothing_approved: undrafted!',
    ],
    [
      'waits on where it is not',
      forgotten,
      { upload: standing('waiting'), options: drafts },
      'nothing_approved: waiting',
    ],
    [
      'waits on where no server says',
      forgotten,
      { upload: away, options: drafts },
      'server_unreachable: waiting',
    ],
    [
      'waits on where none would take it any more',
      forgotten,
      { upload: fail('token_refused', 'x'), options: drafts },
      'token_refused: waiting',
    ],
    [
      'hears of a refusal first',
      forgotten,
      { rejection: found('reject', 3), upload: away, options: drafts },
      'rejected: refused',
    ],

    // What cannot be sent.
    [
      'drafts again where nobody is asked',
      undrafted,
      { upload: away, options: drafts },
      'server_unreachable: undrafted',
    ],
    [
      'keeps another answer',
      again,
      { upload: fail('already_decided', 'x'), options: asks },
      'already_decided: unsent',
    ],
    ['keeps it on', unsent, { upload: away, options: asks }, 'server_unreachable: unsent'],
    ['sends it before all else', unsent, { options: asks }, 'nothing_approved: waiting'],
    [
      'cannot ask what stands',
      undrafted,
      { upload: away, options: asks },
      'server_unreachable: undrafted',
    ],
    [
      'waits for an earlier one',
      undrafted,
      { upload: standing('waiting'), options: drafts },
      'nothing_approved: waiting',
    ],
    [
      'asks nobody while that waits',
      undrafted,
      { upload: standing('waiting'), options: asks },
      'nothing_approved: waiting',
    ],
    [
      'hears of the refusal of an earlier one',
      undrafted,
      { upload: standing('rejected'), rejection: found('reject', 3), options: stops },
      'rejected: refused',
    ],

    // A new configuration was ordered.
    [
      'follows an order',
      undrafted,
      { look: found('reconfigure', 4), options: drafts },
      'nothing_approved: waiting',
    ],
    [
      'makes another where that came after a refusal',
      refused,
      { look: found('reconfigure', 4), options: asks },
      'nothing_approved: waiting',
    ],
    [
      'makes another where what waited was decided before',
      waiting,
      { look: found('reconfigure', 4, fromHex(EARLIER)), options: { draft: stops.draft! } },
      'nothing_approved: stopped',
    ],
    [
      'waits on where that was something else',
      waiting,
      { look: found('reconfigure', 4), options: { draft: stops.draft! } },
      'nothing_approved: waiting',
    ],
    [
      'but none where the refusal is of its answer',
      refused,
      { look: found('reconfigure', 2), options: asks },
      'rejected: refused',
    ],

    // A `firstboot`.
    [
      'replaces the newest',
      undrafted,
      { look: found('approve', 5), replaces: 'newest', options: drafts },
      'nothing_approved: waiting',
    ],
    [
      'does not have what it replaces',
      waiting,
      { look: found('approve', 5), replaces: 5, options: drafts },
      'nothing_approved: waiting',
    ],
    [
      'has what came after',
      waiting,
      { look: found('approve', 6), replaces: 5, options: drafts },
      'found',
    ],
  ])('%s', async (_, state, world, expected) => {
    expect(await after(state, world)).toBe(expected);
  });

  it.each<[string, State, State | undefined]>([
    ['leaves nothing to a key while it drafts', undrafted, undefined],
    ['nor while a proposal waits', waiting, undefined],
    ['asks again by a key where that was stopped', stopped, undrafted],
    ['or after a refusal', refused, again],
    ['before an order, too', { name: 'stopped', from: refused }, again],
    ['once', again, again],
    ['but nothing that was answered', unsent, unsent],
    ['and shows no key for that', { ...unsent, from: undrafted }, undefined],
  ])('%s', (_, state, then) => {
    expect(canAnswer(state) ? pressed(state) : undefined).toEqual(then);
  });
});
