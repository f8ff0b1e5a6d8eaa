import { randomBytes } from 'node:crypto';
import { chmod, lstat, unlink } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { join } from 'node:path';
import { localKey } from '../../admin/local-key.ts';
import { keysetWords } from '../../admin/administrators.ts';
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
  MAX_SEALED_BYTES,
  readBundle,
} from '../../bundle/index.ts';
import type { Identity, Keyset, Statement } from '../../bundle/index.ts';
import { nodeWords } from '../../bundle/words.ts';
import { fileError } from '../../files/errors.ts';
import { withLockBeside } from '../../files/lock.ts';
import { count } from '../../protocol/count.ts';
import { codeOf, fail } from '../../protocol/errors.ts';
import { when } from '../../words/time.ts';
import { cacheKey } from '../cache-file.ts';
import { helloAt } from './ask.ts';
import { parseCall, proofName, wantsPerson } from './calls.ts';
import type { Call } from './calls.ts';
import { encodeFrame, framesOf, MAX_FRAME_BYTES, MAX_GREETING_BYTES } from './frames.ts';
import { makePlace } from './place.ts';
import type { Place } from './place.ts';

/** What is kept, where, and how long. */
export interface Keeping {
  readonly identity: Identity;
  /** 16 bytes: of no other site anything is signed */
  readonly site: Uint8Array;
  readonly place: Place;
  /** unix seconds */
  readonly until: number;
  /** Asks a person; absent where nobody is there. @throws to refuse */
  readonly ask?: (question: string) => Promise<void>;
  /** Told in a line what was signed that wanted nobody. */
  readonly onSigned?: (line: string) => void;
}

/** A key that is asked over a socket. */
export interface Keeper {
  /** Resolves once it answers no more: it was locked, or its time is over. */
  readonly ended: Promise<void>;
  readonly lock: () => void;
}

const MAX_CONNECTIONS = 64;
const PROOF_SECONDS = 10;
/** What is dated further away than this is good for somebody who waits for the key to be locked. */
const MAX_AHEAD_SECONDS = 24 * 3600;

/**
 * Keeps a key for the programs of this user.
 * @throws in_use where one is kept there already; file_unsafe, disk_full, file_denied
 */
export async function keep(keeping: Keeping): Promise<Keeper> {
  const { place, until } = keeping;
  await makePlace(place);
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    if (sockets.size >= MAX_CONNECTIONS) {
      socket.destroy();
      return;
    }
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    void serve(socket, keeping, lock).finally(() => socket.destroy());
  });
  const deadline = performance.now() + until * 1000 - Date.now();
  // A machine that slept has another time than its timers.
  const watch = setInterval(() => {
    if (Date.now() >= until * 1000 || performance.now() >= deadline) lock();
  }, 1000);

  function lock(): void {
    clearInterval(watch);
    server.close();
    for (const socket of sockets) socket.destroy();
    end();
  }
  try {
    await withLockBeside(place.path, () => listen(server, place));
  } catch (error) {
    lock();
    throw error;
  }
  return { ended, lock };
}

async function listen(server: Server, { path }: Place): Promise<void> {
  const hello = await helloAt(path);
  if (hello !== undefined) {
    throw fail(
      'in_use',
      `the key is unlocked already, until ${when(hello.until)}: coatcheck lock ends that`,
    );
  }
  await unlink(path).catch(() => undefined);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(path, resolve);
    });
    await chmod(path, 0o600);
  } catch (error) {
    throw fileError(error, path);
  }
}

/** One connection, to its end. */
async function serve(socket: Socket, keeping: Keeping, lock: () => void): Promise<void> {
  const frames = framesOf(socket);
  const say = (value: unknown): void => void socket.write(encodeFrame(value));
  const granted = new Set<string>();
  try {
    await demandProof(socket, keeping.place, async (prove) => {
      say({ prove });
      return frames.next(MAX_GREETING_BYTES);
    });
    for (;;) {
      const value = await frames.next(MAX_FRAME_BYTES);
      if (value === undefined) return;
      let call: Call | undefined;
      try {
        call = parseCall(value);
        say({ answer: await answer(call, keeping, granted) });
      } catch (error) {
        say({ error: told(error) });
        if (call === undefined) return;
      }
      if (call.call === 'lock') {
        await new Promise<void>((resolve) => socket.end(resolve));
        lock();
        return;
      }
    }
  } catch (error) {
    say({ error: told(error) });
    await new Promise<void>((resolve) => socket.end(resolve));
  }
}

const told = (error: unknown) => ({
  code: codeOf(error),
  message: error instanceof CoatcheckError ? error.message : 'what keeps the key has failed',
  details: error instanceof CoatcheckError ? error.details : {},
});

/**
 * Node tells no credentials of the other side. The folder is this user's alone, so whoever makes a file
 * there is this user, or root, and the system writes down which.
 * @throws not_an_admin
 */
async function demandProof(
  socket: Socket,
  { folder }: Place,
  ask: (nonce: string) => Promise<unknown>,
): Promise<void> {
  const nonce = randomBytes(16).toString('hex');
  const path = join(folder, proofName(nonce));
  const late = setTimeout(() => socket.destroy(), PROOF_SECONDS * 1000);
  try {
    await ask(nonce);
    const uid = await lstat(path).then(
      (stat) => (stat.isFile() ? stat.uid : undefined),
      () => undefined,
    );
    if (uid !== process.getuid?.()) {
      throw fail('not_an_admin', 'only programs of the user who unlocked the key may ask it');
    }
  } finally {
    clearTimeout(late);
    await unlink(path).catch(() => undefined);
  }
}

/** What a call comes to. @throws to refuse it */
async function answer(
  call: Call,
  { identity, site, until, ask, onSigned }: Keeping,
  granted: Set<string>,
): Promise<unknown> {
  const { sign, open, signKey, boxKey } = localKey(identity);
  const demandSite = (other: Uint8Array): void => {
    if (!equalBytes(other, site)) throw fail('wrong_site', 'the key was unlocked for another site');
  };
  const person = async (question: string): Promise<void> => {
    if (ask !== undefined) return ask(question);
    throw fail('declined', 'nobody can be asked here: open the key with its passphrase for this');
  };
  switch (call.call) {
    case 'hello':
      return { ...{ site, signKey, boxKey, until, asks: ask !== undefined, pid: process.pid } };
    case 'lock':
      return true;
    case 'cache':
      return cacheKey(identity, { id: site }, call.version);
    case 'request': {
      demandSite(call.site);
      demandNear(call.created);
      const { body, ...request } = call;
      return sign.request({ ...request, ...(body !== undefined && { body }) });
    }
    case 'statement': {
      const { statement } = decodeSignedStatement(call.statement);
      demandSite(statement.site);
      demandNear(statement.issued);
      if (wantsPerson(statement) && !granted.has(grantOf(statement))) {
        await person(`Sign: ${statementText(statement)}?`);
      }
      onSigned?.(statementText(statement));
      return encodeSignedStatement(await sign.statement(statement, call.keyIndex));
    }
    case 'keyset': {
      const { keyset, digest } = readKeyset(call.keyset);
      if (!granted.has(keysetWords({ digest }))) await person(keysetText(keyset, digest));
      return encodeSignedKeyset(await sign.keyset(keyset, call.keyIndex));
    }
    case 'capability': {
      const { capability } = decodeSignedCapability(call.capability);
      demandSite(capability.site);
      demandNear(capability.issued);
      const until = when(capability.expires);
      await person(`Let ${capability.name} read how all nodes stand, until ${until}?`);
      return encodeSignedCapability(await sign.capability(capability, call.keyIndex));
    }
    case 'bundle':
      return sign.bundle(decodeManifest(call.manifest), call.recipients);
    case 'open': {
      const { sealed, expect } = call;
      const read = readBundle(sealed, { maxBytes: MAX_SEALED_BYTES, expect });
      return expect === 'report' ? open.report(read) : encodeManifest(await open.bundle(read));
    }
    case 'announce': {
      const asked = call.statements.filter(wantsPerson);
      const next = call.keyset === undefined ? undefined : readKeyset(call.keyset);
      const questions = [
        ...(next === undefined ? [] : [keysetText(next.keyset, next.digest)]),
        ...(asked.length > 0 ? [batchText(asked)] : []),
      ];
      for (const question of questions) await person(question);
      for (const each of asked) granted.add(grantOf(each));
      if (next !== undefined) granted.add(keysetWords(next));
      return true;
    }
  }

  function readKeyset(bytes: Uint8Array) {
    const signed = decodeSignedKeyset(bytes);
    demandSite(signed.keyset.site);
    return signed;
  }
}

type About = Pick<Statement, 'type' | 'node'>;
const grantOf = ({ type, node }: About): string => `${type} ${node}`;

/** @throws bad_time */
function demandNear(time: number): void {
  if (Math.abs(time - Date.now() / 1000) <= MAX_AHEAD_SECONDS) return;
  throw fail('bad_time', 'what is to be signed is dated more than a day away: set the clock');
}

const statementText = ({ type, node, seq, reason }: Statement): string =>
  `${type} ${node} (${nodeWords(node)}), seq ${seq}${reason === '' ? '' : `, “${reason}”`}`;

/** So many are named in a question. */
const MAX_NAMED = 8;

function batchText(asked: readonly About[]): string {
  const named = asked.slice(0, MAX_NAMED).map(({ node }) => node);
  const more = asked.length > named.length ? ` and ${asked.length - named.length} more` : '';
  return `Revoke ${count(asked.length, 'node')}: ${named.join(', ')}${more}?`;
}

function keysetText({ version, threshold, keys }: Keyset, digest: Uint8Array): string {
  const who = keys.map(({ name, may }) => (may === 'all' ? name : `${name} (may ${may})`));
  return `Make keyset ${version} of ${who.join(', ')}, of whom ${threshold} must sign? Its words: ${keysetWords({ digest })}`;
}
