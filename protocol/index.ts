/** Typed calls of every route, and what signs them: the same in Node and in a browser. */
export { createClient } from './client.ts';
export type { Client, ClientOptions, ProposalRequest } from './client.ts';
export type { Fetch, FetchAnswer, FetchInit } from './objects.ts';
export { MAX_SKEW_SECONDS, signRequest, verifyRequest } from './request-signature.ts';
export type { SignedHeaders, UnsignedRequest } from './request-signature.ts';
export { isServerAddress, isStoreOrigin } from './address.ts';
export { digestHex, parseDigest, parseNodeId } from './keys.ts';
export type { DigestHex, ObjectKey } from './keys.ts';
export { ROUTES } from './http.ts';
export type { Answer, Body, DecisionSource, PutAnswer, Query, Route, RouteName } from './http.ts';
export { codeOf, ERRORS, hasCode } from './errors.ts';
export type { ErrorCode, ErrorRow } from './errors.ts';
export { CoatcheckError } from '../bundle/errors.ts';
export { deriveIdentity } from '../bundle/identity.ts';
export type { Identity, NodeId, PublicKeys } from '../bundle/identity.ts';
