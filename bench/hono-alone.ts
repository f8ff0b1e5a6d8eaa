import { Hono } from 'hono';

/** The least that answers a request with hono: what the node-facing entry is compared with. */
export const app = new Hono().get('/', (c) => c.text('ok'));
