import { fromBase64Url, fromHex } from '../../bundle/bytes.ts';
import { decodeFrame, maxFrameBytes } from '../../bundle/frame.ts';
import { MAX_REPORT_BYTES } from '../../bundle/header.ts';
import type { NodeId } from '../../bundle/identity.ts';
import type { StatementType } from '../../bundle/statement.ts';
import { fail } from '../../protocol/errors.ts';
import type { PutAnswer } from '../../protocol/http.ts';
import { digestHex, nodePrefix, parseDigest, pendingKey, reportKey } from '../../protocol/keys.ts';
import type { ObjectKey } from '../../protocol/keys.ts';
import type { Site } from '../../protocol/site.ts';
import { verifyRecorded } from '../../protocol/verify.ts';
import { listAll } from '../../store/port.ts';
import type { ObjectInfo, ObjectStore, UrlSigner } from '../../store/port.ts';
import { assertToken, judgeProposal, tokenMatches } from '../proposals.ts';
import type { Handlers } from '../route.ts';
import { unixSeconds } from './time.ts';

/** What the routes that give out PUTs work with. */
export interface UploadDeps {
  readonly signer: UrlSigner;
  readonly store: Pick<ObjectStore, 'list' | 'demandRoom'>;
  /** How many proposals may wait in the whole site: 1 to 1,000, one page of a listing. */
  readonly maxPending?: number;
  /** Without it a node that can show no decision may not propose. */
  readonly token?: string;
}

const PUT_URL_SECONDS = 300;
const MAX_PENDING = 1000;

/**
 * Gives out the two presigned PUTs. A proposal costs the store two LISTs, a third where the cap is
 * reached, and one for each further thousand refusals of the node: an administrator signed each, so
 * nobody else can make it dear. The chain of keysets costs one more a minute, for administrators.
 * What is cheap is judged first: sizes, the token and what a proof says of itself, then the proof's
 * signatures, then the store.
 *
 * @throws weak_secret for a token that is none
 */
export function uploadRoutes(site: Site, deps: UploadDeps): Pick<Handlers, 'propose' | 'report'> {
  const { signer, store, maxPending = MAX_PENDING, token } = deps;
  if (token !== undefined) assertToken(token);

  async function signPut(
    key: ObjectKey,
    body: { digest: string; size: number },
    { overwrite }: { overwrite: boolean },
  ) {
    const { url, headers, expiresAt } = await signer.signPut(key, {
      size: body.size,
      sha256: fromHex(body.digest),
      expiresInSeconds: PUT_URL_SECONDS,
      overwrite,
    });
    const put: PutAnswer = { url, headers: { ...headers }, expiresAt: unixSeconds(expiresAt) };
    return { key, put };
  }

  async function listWhole(prefix: string): Promise<ObjectInfo[]> {
    const objects: ObjectInfo[] = [];
    for await (const object of listAll(store, prefix)) objects.push(object);
    return objects;
  }

  async function listPending(node: NodeId) {
    const all = await store.list('pending/', { limit: maxPending });
    const prefix = nodePrefix('pending', node);
    // A page that was cut off may lack this node's.
    const { objects } = all.next === undefined ? all : await store.list(prefix);
    return {
      pending: objects.filter(({ key }) => key.startsWith(prefix)),
      pendingOfAll: all.objects.length,
    };
  }

  return {
    propose: async ({ node, by: caller, body }) => {
      const by = caller === 'admin' ? caller : 'node';
      demandSize(body.size, site.maxBundleBytes);
      const proof =
        body.decidedBy === undefined ? undefined : readProof(site, node, body.decidedBy);
      const isKnown = proof !== undefined && proof.type !== 'reject' && !proof.self;
      const needsToken = token !== undefined && by === 'node' && !isKnown;
      if (needsToken && !tokenMatches(token, body.token ?? '')) {
        throw fail('token_refused', 'this site asks new nodes for an enrolment token');
      }
      proof?.verify();
      const digest = parseDigest(body.digest);
      const [rejected, waiting] = await Promise.all([
        listWhole(nodePrefix('rejected', node)),
        listPending(node),
      ]);
      judgeProposal({
        by,
        approval: site.approval,
        digest,
        after: body.after === undefined ? undefined : parseDigest(body.after),
        decided: proof && digestHex(proof.digest),
        isKnown,
        rejected,
        ...waiting,
        maxPending,
      });
      await store.demandRoom?.(body.size);
      return signPut(pendingKey(node, digest), body, { overwrite: false });
    },

    report: async ({ node, body }) => {
      demandSize(body.size, MAX_REPORT_BYTES);
      const proof = readProof(site, node, body.proof);
      if (proof.type === 'reject') {
        throw fail('does_not_verify', 'a rejection proves nothing that a node could have applied');
      }
      proof.verify();
      await store.demandRoom?.(body.size);
      // The last report is the one that counts.
      return signPut(reportKey(node), body, { overwrite: true });
    },
  };
}

function demandSize(size: number, maxBytes: number): void {
  if (size <= maxBytes) return;
  throw fail('too_large', `${size} bytes are more than the ${maxBytes} that are allowed`, {
    details: { maxBytes },
  });
}

/** A decision that a request shows, and what it says of itself until it was verified. */
interface Proof {
  readonly type: StatementType;
  /** 32 bytes */
  readonly digest: Uint8Array;
  /** Signed by the node itself, which any stranger can. */
  readonly self: boolean;
  /** Whether this site's administrators signed it: the dear part. @throws as `verifyRecorded` */
  verify(): void;
}

/** @throws not_this_node; as `decodeFrame` */
function readProof(site: Site, node: NodeId, text: string): Proof {
  const bytes = fromBase64Url(text);
  const frame = decodeFrame(bytes, { maxBytes: maxFrameBytes(site.maxBundleBytes) });
  const { statement, signatures } = frame.statement;
  if (statement.node !== node) {
    throw fail('not_this_node', `the decision shown is about another node than ${node}`);
  }
  const self = signatures.some((signature) => 'self' in signature);
  const { type, digest } = statement;
  return { type, digest, self, verify: () => void verifyRecorded(frame, site) };
}
