import { fromBase64Url, fromHex, toHex } from '../../bundle/bytes.ts';
import { decodeFrame, maxFrameBytes, verifyFrame } from '../../bundle/frame.ts';
import { MAX_REPORT_BYTES } from '../../bundle/header.ts';
import type { VerifiedFrame } from '../../bundle/frame.ts';
import type { NodeId } from '../../bundle/identity.ts';
import { fail } from '../../protocol/errors.ts';
import type { PutAnswer } from '../../protocol/http.ts';
import { nodePrefix, parseDigest, pendingKey, reportKey } from '../../protocol/keys.ts';
import type { ObjectKey } from '../../protocol/keys.ts';
import type { Site } from '../../protocol/site.ts';
import { listAll } from '../../store/port.ts';
import type { ObjectInfo, ObjectStore, UrlSigner } from '../../store/port.ts';
import { assertToken, judgeProposal, tokenMatches } from '../proposals.ts';
import type { Handlers } from '../route.ts';
import { unixSeconds } from './time.ts';

export interface UploadDeps {
  readonly signer: UrlSigner;
  readonly store: Pick<ObjectStore, 'list'>;
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
 *
 * @throws weak_secret for a token that is none
 */
export function uploadRoutes(site: Site, deps: UploadDeps): Pick<Handlers, 'propose' | 'report'> {
  const { signer, store, maxPending = MAX_PENDING, token } = deps;
  if (token !== undefined) assertToken(token);

  async function signPut(
    key: ObjectKey,
    body: { digest: string; size: number },
    { max, overwrite }: { max: number; overwrite: boolean },
  ) {
    if (body.size > max) {
      throw fail('too_large', `${body.size} bytes are more than the ${max} that are allowed`, {
        details: { maxBytes: max },
      });
    }
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
    propose: async ({ node, by = 'node', body }) => {
      const shown =
        body.decidedBy === undefined ? undefined : readProof(site, node, body.decidedBy);
      const isKnown = shown !== undefined && shown.statement.type !== 'reject';
      if (
        token !== undefined &&
        by === 'node' &&
        !isKnown &&
        !tokenMatches(token, body.token ?? '')
      ) {
        throw fail('token_refused', 'this site asks new nodes for an enrolment token');
      }
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
        decided: shown && parseDigest(toHex(shown.statement.digest)),
        isKnown,
        rejected,
        ...waiting,
        maxPending,
      });
      return signPut(pendingKey(node, digest), body, {
        max: site.maxBundleBytes,
        overwrite: false,
      });
    },

    report: ({ node, body }) => {
      const { statement } = readProof(site, node, body.proof);
      if (statement.type === 'reject') {
        throw fail('does_not_verify', 'a rejection proves nothing that a node could have applied');
      }
      // The last report is the one that counts.
      return signPut(reportKey(node), body, { max: MAX_REPORT_BYTES, overwrite: true });
    },
  };
}

/** A frame that a request shows: a decision about this node, by this site's administrators. */
function readProof(site: Site, node: NodeId, text: string): VerifiedFrame {
  const bytes = fromBase64Url(text);
  const frame = verifyFrame(
    decodeFrame(bytes, { maxBytes: maxFrameBytes(site.maxBundleBytes) }),
    site,
  );
  if (frame.statement.node !== node) {
    throw fail('not_this_node', `the decision shown is about another node than ${node}`);
  }
  return frame;
}
