import { CoatcheckError } from '../../bundle/errors.ts';
import { decodeFrame, encodeFrame, maxFrameBytes } from '../../bundle/frame.ts';
import type { VerifiedFrame } from '../../bundle/frame.ts';
import type { NodeId } from '../../bundle/identity.ts';
import type { NodeClient } from '../../protocol/node-client.ts';
import { fail } from '../../protocol/errors.ts';
import type { Answer } from '../../protocol/http.ts';
import type { DigestHex } from '../../protocol/keys.ts';
import type { Site } from '../../protocol/site.ts';
import { memoryOf, verifyForNode } from '../../protocol/verify.ts';
import type { NodeMemory } from '../../protocol/verify.ts';
import { openOwn, overBy } from './node.ts';
import type { Node } from './node.ts';
import { tryAgain } from './servers.ts';
import type { Servers } from './servers.ts';

/** A verified decision about this node. */
export interface Decision {
  readonly frame: VerifiedFrame;
  /** Its frame without the bundle: what a request shows to prove it. */
  readonly proof: Uint8Array;
  /** The server's time when it was fetched; the own clock's for a copy from elsewhere. Unix seconds. */
  readonly serverNow: number;
}

/**
 * What a look into the store showed. `nothing` only where the store itself said so and this node
 * remembers no decision; whatever else went wrong, a copy that does not verify too, is `failed`:
 * try again.
 */
export type Look =
  | { readonly state: 'found'; readonly decision: Decision }
  | { readonly state: 'nothing' }
  | { readonly state: 'failed'; readonly error: CoatcheckError };

/** Where a machine looks for decisions about itself. */
export interface Source {
  /** The newest decision that puts something in force. What it found is remembered. */
  inForce(waiting?: DigestHex): Promise<Look>;
  /** The refusal of a proposal of this node. */
  rejection(digest: DigestHex): Promise<Look>;
}

/** Where to look, and by whose word: where that may lead goes by who gave it. */
interface Given {
  readonly answer: Answer<'config'>;
  readonly client: Pick<NodeClient, 'get'>;
}

/** A URL is renewed a little before it ends. */
const MARGIN_SECONDS = 30;
/** However long the server says that it lasts. */
const MAX_URL_SECONDS = 3600;

/** Asks for URLs once, and for new ones when they end or do not serve. */
export function createSource(node: Node, servers: Servers): Source {
  const { site, identity } = node;
  let urls: Given | undefined;
  let asked: DigestHex | undefined;
  let endsAt = 0;

  async function config(waiting: DigestHex | undefined): Promise<Given> {
    const named = waiting === undefined || waiting === asked;
    if (urls !== undefined && named && performance.now() < endsAt) return urls;
    const given = await servers.ask(async (client) => ({
      client,
      answer: await client.config(identity.id, waiting),
    }));
    const { answer } = given;
    // Not by the clock: it may be years off, or be set meanwhile.
    const seconds = Math.min(answer.expiresAt - answer.now - MARGIN_SECONDS, MAX_URL_SECONDS);
    endsAt = performance.now() + seconds * 1000;
    urls = given;
    asked = waiting;
    return given;
  }

  async function look(
    waiting: DigestHex | undefined,
    urlOf: (answer: Answer<'config'>) => string | undefined,
    verify: (bytes: Uint8Array) => VerifiedFrame,
  ): Promise<Look> {
    const given = await attempt(() => config(waiting));
    if (given instanceof CoatcheckError) return failed(tryAgain(servers, given));
    const { client, answer } = given;
    const body = await attempt(async () => {
      const url = urlOf(answer);
      if (url === undefined) throw fail('server_garbage', 'the server gave no URL of the refusal');
      const got = await client.get(url, maxFrameBytes(site.maxBundleBytes));
      return got.found ? got.body : undefined;
    });
    if (body === undefined) return { state: 'nothing' };
    if (body instanceof CoatcheckError) return failed(body);
    const frame = await attempt(() => verify(body));
    if (frame instanceof CoatcheckError) return failed(frame);
    // Over by its word alone: the decision is true, and the time may be a lie.
    const { statement } = frame;
    if (overBy(node, statement) === undefined && overBy(node, statement, answer.now) !== undefined)
      askAnother();
    return { state: 'found', decision: { frame, proof: proofOf(body), serverNow: answer.now } };
  }

  /** Another server may know better. */
  function askAnother(): void {
    urls = undefined;
    servers.passOver();
  }

  function failed(error: CoatcheckError): Look {
    askAnother();
    return { state: 'failed', error };
  }

  return {
    async inForce(waiting) {
      const trust = trustOf(node);
      const result = await look(
        waiting,
        ({ url }) => url,
        (bytes) => verifyForNode(bytes, { ...trust, where: 'approved' }),
      );
      if (result.state === 'found') remember(node, result.decision.frame);
      if (result.state !== 'nothing' || trust.memory === undefined) return result;
      const said = `nothing is approved there, but this machine remembers decision ${trust.memory.seq}`;
      return failed(fail('rollback_refused', said));
    },
    rejection(digest) {
      const trust = trustOf(node);
      return look(
        digest,
        ({ rejectedUrl }) => rejectedUrl,
        (bytes) => verifyForNode(bytes, { ...trust, where: 'rejected', waitingDigest: digest }),
      );
    },
  };
}

/** A decision from a copy: any is as good as the server's. @throws as `verifyForNode` */
export function decisionFromCopy(node: Node, bytes: Uint8Array): Decision {
  const frame = verifyForNode(bytes, { ...trustOf(node), where: 'approved' });
  remember(node, frame);
  return { frame, proof: proofOf(bytes), serverNow: node.now() };
}

function trustOf(node: Node): { site: Site; node: NodeId; memory?: NodeMemory } {
  const memory = node.memory.load();
  return { site: node.site, node: node.identity.id, ...(memory && { memory }) };
}

/** Only ever forward: what is older than the memory did not verify. Where that was wiped, only what was decided since. */
function remember(node: Node, frame: VerifiedFrame): void {
  const code = node.memory.wiped?.();
  if (code !== undefined && freshness(node, frame) !== code) return;
  const { keysetVersion, seq } = node.memory.load() ?? {};
  const memory = memoryOf(frame);
  if (memory.keysetVersion === keysetVersion && memory.seq === seq) return;
  node.memory.save({ ...memory, issued: frame.statement.issued });
}

/** The code of a wiped memory that the bundle of a decision names; none where this machine cannot open it. */
function freshness(node: Node, { bundle }: VerifiedFrame): string | undefined {
  try {
    return bundle && openOwn(node, bundle).metadata.fresh;
  } catch (error) {
    if (error instanceof CoatcheckError) return undefined;
    throw error;
  }
}

function proofOf(bytes: Uint8Array): Uint8Array {
  const { chain, statement } = decodeFrame(bytes, { maxBytes: bytes.length });
  return encodeFrame({ chain, statement });
}

/** The result, or what the other side did wrong; a bug, or a fault of this machine, is thrown. */
async function attempt<T>(act: () => T | Promise<T>): Promise<T | CoatcheckError> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof CoatcheckError) return error;
    throw error;
  }
}
