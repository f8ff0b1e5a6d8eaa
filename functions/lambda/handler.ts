/* eslint-disable @typescript-eslint/no-deprecated -- the package that follows it is not published */
import type { Hono } from 'hono';
import * as adapter from 'hono/aws-lambda';

/** An app as a Lambda function behind an HTTP API. */
export function lambdaHandler(app: Hono): ReturnType<typeof adapter.handle> {
  return adapter.handle(app);
}
