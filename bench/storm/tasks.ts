import { toBase64, toBase64Url, toHex, utf8 } from '../../bundle/bytes.ts';
import { bundleDigest } from '../../bundle/header.ts';
import type { Identity } from '../../bundle/identity.ts';
import { sha256 } from '../../bundle/platform/node.ts';
import { encodeSignedStatement } from '../../bundle/statement.ts';
import type { Body } from '../../protocol/http.ts';
import { signRequest } from '../../protocol/request-signature.ts';
import { makeStatement, propose, sign } from '../../tests/support/site.ts';
import { ADMIN } from '../fixtures.ts';
import { KEYSET, SITE } from './fleet.ts';
import type { FleetNode } from './fleet.ts';
import type { StormRequest, Visitor } from './generator.ts';

const now = (): number => Math.floor(Date.now() / 1000);

/** A boot as the agent does it: its signed request, and the GET that it is given. */
export function boots(server: string, fleet: readonly FleetNode[]): Visitor[] {
  return fleet.map(({ identity, entry }) => {
    const url = new URL(`/v1/nodes/${identity.id}/config`, server);
    const headers = signRequest({
      ...{ method: 'GET', url, identity },
      site: SITE.id,
      created: now(),
    });
    return {
      requests: [
        { method: 'GET', url: url.href, headers, status: 200 },
        { method: 'GET', presigned: true, status: 200, sha256: toHex(sha256(entry)) },
      ],
    };
  });
}

/** A new node, and the bundle that it proposes. */
export interface Newcomer {
  readonly identity: Identity;
  readonly bundle: Uint8Array;
}

export function makeNewcomer(identity: Identity): Newcomer {
  return { identity, bundle: propose({ keyset: KEYSET, node: identity }).bytes };
}

/** What a node does to propose: it asks, and uploads. */
export function uploads(server: string, newcomers: readonly Newcomer[]): Visitor[] {
  return newcomers.map(({ identity, bundle }) => {
    const body = { digest: toHex(bundleDigest(bundle)), size: bundle.length };
    const ask = post(`/v1/nodes/${identity.id}/proposals`, server, identity, body, 201);
    const put = { method: 'PUT', presigned: true, body: toBase64(bundle), status: 200 } as const;
    return { requests: [ask, put] };
  });
}

/** The administrator's approval of each. */
export function approvals(server: string, newcomers: readonly Newcomer[]): Visitor[] {
  return newcomers.map(({ identity, bundle }) => {
    const statement = makeStatement(KEYSET, identity.id, 'approve', undefined, {
      ...{ digest: bundleDigest(bundle), issued: now() },
    });
    const body: Body<'decide'> = {
      statement: toBase64Url(encodeSignedStatement(sign(statement, KEYSET, ADMIN))),
      from: { pending: true },
      nodeBoxKey: toBase64Url(identity.boxKey),
    };
    const path = `/v1/nodes/${identity.id}/decisions`;
    return { requests: [post(path, server, ADMIN.identity, body, 200)] };
  });
}

function post(
  path: string,
  server: string,
  identity: Identity,
  json: object,
  status: number,
): StormRequest {
  const url = new URL(path, server);
  const body = utf8(JSON.stringify(json));
  const headers = {
    'content-type': 'application/json',
    ...signRequest({ ...{ method: 'POST', url, body, identity }, site: SITE.id, created: now() }),
  };
  return { method: 'POST', url: url.href, headers, body: toBase64(body), status };
}
