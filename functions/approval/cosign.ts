import { equalBytes } from '../../bundle/bytes.ts';
import { encodeSignedStatement, verifyStatement } from '../../bundle/statement.ts';
import { fail, hasCode } from '../../protocol/errors.ts';
import { cosignKey, digestHex, parseKey } from '../../protocol/keys.ts';
import type { ObjectKey } from '../../protocol/keys.ts';
import { readCosigned, sortCosigned } from './cosigned.ts';
import type { Cosigned } from './cosigned.ts';
import { demandRequest } from './demands.ts';
import type { DecisionRequest } from './demands.ts';
import { examine } from './examine.ts';
import { putForward } from './objects.ts';
import { MAX_COSIGNATURE_BYTES } from '../../protocol/cosignature.ts';
import type { NodeRecord } from './publish.ts';

/** Whether a signature was put there by this request, or lay there. */
export interface CosignOutcome {
  readonly outcome: 'created' | 'already';
  readonly key: ObjectKey;
}

/** How many decisions about one node one administrator may have signed that lack signatures. */
export const MAX_UNDER_WAY = 8;

/**
 * Keeps one administrator's signature on a decision that lacks others, if it would be a decision with them
 * (docs/approval.md). It decides nothing: whoever brings the last signature sends all of them. What other
 * signatures of the node are good for nothing any more is taken away. The same may be sent again.
 *
 * @param signKey of the administrator who asks: 32 bytes. It is their own signature that they bring
 * @throws bad_request for several signatures, and where one is enough; bad_signer for another's;
 *   already_decided where the statement is recorded; too_many_cosignatures; the codes of
 *   `demandRequest`, `examine` and `verifyStatement`, and of the store. Under store_unknown it is not
 *   known whether it is kept: the same is to be sent again
 */
export async function cosign(
  record: NodeRecord & DecisionRequest,
  signKey: Uint8Array,
): Promise<CosignOutcome> {
  const { store, site, node, statement: signed } = record;
  demandRequest(record, site, node);
  const [signature, ...others] = signed.signatures;
  if (signature === undefined || !('keyIndex' in signature) || others.length > 0) {
    throw fail('bad_request', 'bring one signature: your own');
  }
  const all = await readCosigned(record);
  const { history, found, chain } = await examine(record);
  if (found !== undefined) {
    const { type, seq } = found.frame.statement;
    throw fail('already_decided', `this is decided: ${type}, seq ${seq}`, {
      details: { type, seq, slot: found.slot },
    });
  }
  const { keyset } = chain.at(-1)!;
  if (keyset.threshold === 1) {
    throw fail('bad_request', 'one signature is enough for a decision: send it as one');
  }
  verifyStatement(signed, { ...keyset, threshold: 1 }, site);
  if (!equalBytes(keyset.keys[signature.keyIndex]!.signKey, signKey)) {
    throw fail(
      'bad_signer',
      'this signature is of another administrator: they bring it themselves',
    );
  }
  const { underWay, overtaken } = sortCosigned(all, history, keyset);
  for (const { key } of overtaken) await store.delete(key);
  const key = cosignKey(node, digestHex(signed.digest), signature.keyIndex);
  const own = underWay.filter((one) => indexOf(one) === signature.keyIndex && one.key !== key);
  if (own.length >= MAX_UNDER_WAY) {
    throw fail(
      'too_many_cosignatures',
      `you have signed ${MAX_UNDER_WAY} decisions about this node that lack signatures: one of them has to be decided first`,
    );
  }
  const body = encodeSignedStatement(signed);
  const keeps = (bytes: Uint8Array): boolean => equalBytes(bytes, body);
  try {
    const isNew = await putForward(store, key, body, MAX_COSIGNATURE_BYTES, keeps);
    return { outcome: isNew ? 'created' : 'already', key };
  } catch (error) {
    // What is in the way may be our own: something on the way sends a PUT again.
    if (!hasCode(error, 'already_exists', 'precondition_failed')) throw error;
    throw fail('store_unknown', 'whether the signature is kept is not known: send it again', {
      cause: error,
    });
  }
}

function indexOf({ key }: Cosigned): number | undefined {
  const parsed = parseKey(key);
  return parsed?.prefix === 'cosign' ? parsed.keyIndex : undefined;
}
