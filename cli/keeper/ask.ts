import { open, unlink } from 'node:fs/promises';
import { createConnection } from 'node:net';
import type { Socket } from 'node:net';
import { dirname, join } from 'node:path';
import * as v from 'valibot';
import type { KeyPorts } from '../../admin/key.ts';
import {
  CoatcheckError,
  decodeManifest,
  decodeSignedCapability,
  decodeSignedKeyset,
  decodeSignedStatement,
  encodeManifest,
  encodeSignedCapability,
  encodeSignedKeyset,
  encodeSignedStatement,
  equalBytes,
  keysetDigest,
  statementDigest,
} from '../../bundle/index.ts';
import type { Keyset, Report, Statement } from '../../bundle/index.ts';
import { errnoOf, fileError } from '../../files/errors.ts';
import { fail, isErrorCode } from '../../protocol/errors.ts';
import type { SignedHeaders } from '../../protocol/request-signature.ts';
import { Answer, Challenge, Hello, proofName, wantsPerson } from './calls.ts';
import type { Call } from './calls.ts';
import { encodeFrame, framesOf, MAX_FRAME_BYTES } from './frames.ts';

/** A key that another process keeps, as a session has it. */
export interface Kept {
  readonly ports: KeyPorts;
  readonly hello: Hello;
  /** What the cache of this version of the program is sealed under, 32 bytes. */
  readonly cacheKey: (version: string) => Promise<Uint8Array>;
  /** Has it forget the key, and end. */
  readonly lock: () => Promise<void>;
  readonly close: () => void;
}

const ANSWER_SECONDS = 10;

/**
 * What keeps a key there; undefined where nothing does.
 * @throws in_use where something listens that does not answer; not_an_admin, file_denied, disk_full
 */
export async function helloAt(path: string): Promise<Hello | undefined> {
  const kept = await keptAt(path);
  kept?.close();
  return kept?.hello;
}

/**
 * The key that is kept there; undefined where none is. Where it is locked and unlocked again, the ports go on: each
 * call that finds it gone looks whether the same key is kept there again.
 * @param own opens the key itself, for what wants a person where nobody is asked there
 * @throws as {@link helloAt}
 */
export async function keptAt(
  path: string,
  own: () => Promise<KeyPorts> = () =>
    Promise.reject(fail('declined', 'nobody can be asked for this where the key is kept')),
): Promise<Kept | undefined> {
  const first = await dial(path);
  if (first === undefined) return undefined;
  const { hello } = first;
  let line = first;
  let isClosed = false;
  let dialing: Promise<Line> | undefined;

  async function again(): Promise<Line> {
    const next = await dial(path);
    if (next === undefined) return line;
    const isSame =
      equalBytes(next.hello.signKey, hello.signKey) && equalBytes(next.hello.site, hello.site);
    if (isSame && !isClosed) return (line = next);
    next.close();
    return line;
  }

  async function call(value: Call, seconds?: number): Promise<unknown> {
    const asked = line;
    try {
      if (!asked.isOver()) return await asked.call(value, seconds);
    } catch (error) {
      // What was not answered was given to nobody: it may be asked for again.
      if (!asked.isOver() || isClosed) throw error;
    }
    if (line === asked && !isClosed) {
      dialing ??= again().finally(() => {
        dialing = undefined;
      });
      await dialing;
    }
    return line.call(value, seconds);
  }

  const close = (): void => {
    isClosed = true;
    line.close();
  };
  return {
    ...{ hello, close },
    ports: portsOf(hello, () => line.hello.asks, call, own),
    cacheKey: async (version) => (await call({ call: 'cache', version })) as Uint8Array,
    lock: async () => {
      await call({ call: 'lock' }, ANSWER_SECONDS);
      close();
    },
  };
}

/** One connection to what keeps a key. */
interface Line {
  readonly hello: Hello;
  /** One at a time: each answer is to the call before it. @param seconds absent: a person may have to answer */
  readonly call: (value: Call, seconds?: number) => Promise<unknown>;
  /** Whether nobody is at the other end any more. */
  readonly isOver: () => boolean;
  readonly close: () => void;
}

/** @throws as {@link helloAt} */
async function dial(path: string): Promise<Line | undefined> {
  const connected = await connect(path);
  if (connected === undefined) return undefined;
  const socket = connected;
  const frames = framesOf(socket);
  let turn: Promise<unknown> = Promise.resolve();
  let isGone = false;

  function call(value: Call, seconds?: number): Promise<unknown> {
    const answered = turn.then(async () => {
      socket.ref();
      const late =
        seconds === undefined ? undefined : setTimeout(() => socket.destroy(), seconds * 1000);
      try {
        socket.write(encodeFrame(value));
        const answer = await frames.next(MAX_FRAME_BYTES);
        isGone = answer === undefined;
        return answerIn(answer);
      } finally {
        clearTimeout(late);
        socket.unref();
      }
    });
    turn = answered.catch(() => undefined);
    return answered;
  }

  try {
    const late = setTimeout(() => socket.destroy(), ANSWER_SECONDS * 1000);
    const challenge = await frames.next(MAX_FRAME_BYTES).finally(() => clearTimeout(late));
    if (!v.is(Challenge, challenge)) throw noAnswer(path);
    const hello = await proving(join(dirname(path), proofName(challenge.prove)), () => {
      socket.write(encodeFrame({ proved: true }));
      return call({ call: 'hello' }, ANSWER_SECONDS);
    });
    if (!v.is(Hello, hello)) throw noAnswer(path);
    return {
      ...{ hello, call },
      isOver: () => isGone || socket.destroyed,
      close: () => socket.destroy(),
    };
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

const noAnswer = (path: string): Error =>
  fail('in_use', `something listens at ${path}, and is not what keeps a key: remove it`);

async function connect(path: string): Promise<Socket | undefined> {
  const socket = createConnection(path);
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve).once('error', reject);
    });
    return socket;
  } catch (error) {
    // What listened there has ended, or nothing ever did.
    if (['ECONNREFUSED', 'ENOENT'].includes(errnoOf(error) ?? '')) return undefined;
    throw fileError(error, path);
  }
}

/** Makes the file by which the system says who asks, while `act` runs. */
async function proving<T>(path: string, act: () => Promise<T>): Promise<T> {
  try {
    await (await open(path, 'wx', 0o600)).close();
  } catch (error) {
    throw fileError(error, path);
  }
  try {
    return await act();
  } finally {
    await unlink(path).catch(() => undefined);
  }
}

/** @throws what the other side threw; step_failed where there is none any more */
function answerIn(value: unknown): unknown {
  if (value === undefined) {
    throw fail('step_failed', 'what kept the key is gone: it was locked, or its time is over');
  }
  const said = v.parse(Answer, value);
  if ('answer' in said) return said.answer;
  const { code, message, details } = said.error;
  throw new CoatcheckError(isErrorCode(code) ? code : 'internal', message, { details });
}

/** The two ports, asked over there; what wants a person and has none there is done with the key itself. */
function portsOf(
  { signKey, boxKey }: Pick<Hello, 'signKey' | 'boxKey'>,
  asks: () => boolean,
  call: (value: Call, seconds?: number) => Promise<unknown>,
  own: () => Promise<KeyPorts>,
): KeyPorts {
  const isLeft = (wants: boolean): boolean => wants && !asks();
  const asked = async (value: Call): Promise<Uint8Array> => (await call(value)) as Uint8Array;
  return {
    ...{ signKey, boxKey },
    sign: {
      request: async ({ method, url: { host, pathname, search }, ...request }) =>
        (await call({
          ...{ call: 'request', method: method as 'GET', url: { host, pathname, search } },
          ...request,
        })) as SignedHeaders,
      statement: async (statement, keyIndex) => {
        if (isLeft(wantsPerson(statement)))
          return (await own()).sign.statement(statement, keyIndex);
        const bytes = unsignedStatement(statement);
        return decodeSignedStatement(
          await asked({ call: 'statement', statement: bytes, keyIndex }),
        );
      },
      keyset: async (keyset, keyIndex) => {
        if (isLeft(true)) return (await own()).sign.keyset(keyset, keyIndex);
        const bytes = unsignedKeyset(keyset);
        return decodeSignedKeyset(await asked({ call: 'keyset', keyset: bytes, keyIndex }));
      },
      capability: async (capability, keyIndex) => {
        if (isLeft(true)) return (await own()).sign.capability(capability, keyIndex);
        const bytes = encodeSignedCapability({ capability, signatures: [] });
        return decodeSignedCapability(
          await asked({ call: 'capability', capability: bytes, keyIndex }),
        );
      },
      bundle: (manifest, recipients) =>
        asked({ call: 'bundle', manifest: encodeManifest(manifest), recipients: [...recipients] }),
      announce: async ({ statements = [], keyset }) => {
        const wants = statements.filter(wantsPerson);
        if (wants.length === 0 && keyset === undefined) return;
        if (!asks()) await own();
        else {
          await call({
            call: 'announce',
            statements: wants.map(({ type, node }) => ({ type, node })),
            ...(keyset !== undefined && { keyset: unsignedKeyset(keyset) }),
          });
        }
      },
    },
    open: {
      bundle: async ({ bytes: sealed }) =>
        decodeManifest(await asked({ call: 'open', sealed, expect: 'proposal' })),
      report: async ({ bytes: sealed }) =>
        (await call({ call: 'open', sealed, expect: 'report' })) as Report,
    },
  };
}

const unsignedStatement = (statement: Statement): Uint8Array =>
  encodeSignedStatement({ statement, digest: statementDigest(statement), signatures: [] });

const unsignedKeyset = (keyset: Keyset): Uint8Array =>
  encodeSignedKeyset({ keyset, digest: keysetDigest(keyset), signatures: [] });
