import {
  openBundle,
  openReport,
  sealBundle,
  signCapability,
  signKeyset,
  signStatement,
} from '../bundle/index.ts';
import type { Identity } from '../bundle/index.ts';
import { signRequest } from '../protocol/request-signature.ts';
import type { KeyPorts } from './key.ts';

/**
 * The two ports of a key that is in this process. No other module of `admin/` sees a secret, and the
 * linter holds that: a session works the same with a key that is elsewhere.
 */
export function localKey(identity: Identity): KeyPorts {
  const { signKey, boxKey } = identity;
  return {
    ...{ signKey, boxKey },
    sign: {
      request: (request) => promised(() => signRequest({ ...request, identity })),
      statement: (statement, keyIndex) =>
        promised(() => signStatement(statement, identity, keyIndex)),
      keyset: (keyset, keyIndex) => promised(() => signKeyset(keyset, [{ identity, keyIndex }])),
      capability: (capability, keyIndex) =>
        promised(() => signCapability(capability, identity, keyIndex)),
      bundle: (manifest, recipients) =>
        promised(() => sealBundle({ manifest, signer: identity, kind: 'admin', recipients })),
    },
    open: {
      bundle: (sealed) => promised(() => openBundle(sealed, identity)),
      report: (sealed) => promised(() => openReport(sealed, identity)),
    },
  };
}

/** What a port throws is a rejection, wherever its key is. */
const promised = <T>(work: () => T): Promise<T> =>
  new Promise((resolve) => {
    resolve(work());
  });
