import * as v from 'valibot';
import { ROUTES } from './http.ts';
import type { Route } from './http.ts';

const Finding = v.object({
  probe: v.string(),
  status: v.picklist(['ok', 'warn', 'fail']),
  found: v.string(),
  advice: v.optional(v.string()),
});

/**
 * The route by which an administrator has a deployment probe itself (docs/adr/0272). It is where a deployment on AWS says so,
 * served by a function that takes the three credentials in turn; and not in the table of routes, since no agent asks it.
 */
export const PROBE_ROUTE = {
  method: 'POST',
  path: '/v1/admin/probe',
  signedBy: 'admin',
  summary:
    'Probes the store with each credential, as `coatcheck doctor` does, at most once a minute.',
  body: v.strictObject({}),
  status: 200,
  answer: v.object({ findings: v.array(Finding) }),
  errors: [
    ...([
      'bad_json',
      'body_too_large',
      'body_was_read',
      'not_an_admin',
      'key_not_allowed',
    ] as const),
    ...(['store_unavailable', 'store_denied', 'no_such_bucket', 'does_not_verify'] as const),
    'too_soon',
  ],
} as const satisfies Omit<Route, 'credential'>;

/** Every route that a server may have, by its name: those of the table, and the probe. */
export const ALL_ROUTES = { ...ROUTES, probe: PROBE_ROUTE };
