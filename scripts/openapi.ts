import { toJsonSchema } from '@valibot/to-json-schema';
import type { GenericSchema } from 'valibot';
import { ERRORS } from '../protocol/errors.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import { COMMON_ERRORS, ErrorAnswer, SIGNED_ERRORS } from '../protocol/http.ts';
import type { Route as TableRoute } from '../protocol/http.ts';
import { ALL_ROUTES } from '../protocol/probe.ts';
import { SIGNATURE_HEADERS } from '../protocol/request-signature.ts';

type Route = Omit<TableRoute, 'credential'>;
type Json = Readonly<Record<string, unknown>>;

/** The routes as an OpenAPI 3.1 document, made from the schemas that the server checks with. */
export function openApi(version: string): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const [name, route] of Object.entries<Route>(ALL_ROUTES)) {
    const path = route.path.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(name, route) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'coatcheck',
      version,
      description:
        'The HTTP API of a coatcheck server. Bytes are base64url without padding, digests are lower-case hex, times are Unix seconds. docs/http-api.md says how requests are signed.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    paths,
    components: {
      schemas: { Error: schemaOf(ErrorAnswer) },
      securitySchemes: {
        httpMessageSignature: {
          ...{ type: 'apiKey', in: 'header', name: 'signature' },
          description: `HTTP Message Signatures (RFC 9421), Ed25519, by one fixed template. Headers: ${SIGNATURE_HEADERS.join(', ')}.`,
        },
      },
    },
  };
}

function operation(name: string, route: Route): Json {
  return {
    operationId: name,
    summary: route.summary,
    'x-signed-by': route.signedBy,
    security: route.signedBy === 'nobody' ? [] : [{ httpMessageSignature: [] }],
    ...parametersOf(route),
    ...(route.body && {
      requestBody: { required: true, content: jsonContent(schemaOf(route.body)) },
    }),
    responses: {
      [route.status]: { description: 'Granted', content: jsonContent(schemaOf(route.answer)) },
      ...refusalsOf(route),
    },
  };
}

function parametersOf(route: Route): Json {
  const ofPath = [...route.path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    ...{ name, in: 'path', required: true },
    schema: { type: 'string', pattern: '^[a-z2-7]{32}$' },
  }));
  const query = route.query && (schemaOf(route.query) as { properties: Json; required?: string[] });
  const ofQuery = Object.entries(query?.properties ?? {}).map(([name, schema]) => ({
    ...{ name, in: 'query', required: query?.required?.includes(name) ?? false, schema },
  }));
  const parameters = [...ofPath, ...ofQuery];
  return parameters.length === 0 ? {} : { parameters };
}

/** By status, with every code that may come with it. */
function refusalsOf(route: Route): Json {
  const codes = new Set<ErrorCode>([
    ...COMMON_ERRORS,
    ...(route.signedBy === 'nobody' ? [] : SIGNED_ERRORS),
    ...route.errors,
  ]);
  const statuses = new Set([...codes].map((code) => ERRORS[code].status));
  return Object.fromEntries(
    [...statuses].map((status) => [
      status,
      {
        description: [...codes].filter((code) => ERRORS[code].status === status).join(', '),
        content: jsonContent({ $ref: '#/components/schemas/Error' }),
      },
    ]),
  );
}

const jsonContent = (schema: Json): Json => ({ 'application/json': { schema } });

function schemaOf(schema: GenericSchema): Json {
  const entries = Object.entries(toJsonSchema(schema, { target: 'draft-2020-12' }));
  // The dialect is the one of OpenAPI 3.1 anyway.
  return Object.fromEntries(entries.filter(([name]) => name !== '$schema'));
}
