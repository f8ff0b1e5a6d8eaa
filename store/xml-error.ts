/** The S3 error codes that we answer with, and their HTTP statuses (S3 API, "Error responses"). */
const STATUS = {
  AccessDenied: 403,
  EntityTooLarge: 400,
  IncompleteBody: 400,
  InsufficientStorage: 507,
  MethodNotAllowed: 405,
  NoSuchBucket: 404,
  NoSuchKey: 404,
  PreconditionFailed: 412,
  ServiceUnavailable: 503,
  SignatureDoesNotMatch: 403,
  XAmzContentChecksumMismatch: 400,
} as const;
/** A code that S3 has, of those that are answered. */
export type S3ErrorCode = keyof typeof STATUS;

/** An error as S3 answers it: XML with the code that clients look at. */
export function xmlError(code: S3ErrorCode, resource: string): Response {
  const escaped = resource.replace(/[^\w/.-]/gu, (c) => `&#${c.codePointAt(0)!};`);
  const xml = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Resource>${escaped}</Resource></Error>`;
  return new Response(xml, {
    status: STATUS[code],
    headers: { 'content-type': 'application/xml' },
  });
}
