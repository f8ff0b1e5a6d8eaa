/**
 * An engine with coatcheck in it: machines ask this program for their configuration, and people who are in its own
 * table of users, and know nothing of coatcheck, decide on its page. It holds an administrator's key: whoever
 * runs this process approves. docs/integrations.md tells how to try it.
 */
import { scrypt, timingSafeEqual } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { serve } from '@hono/node-server';
import {
  createSession,
  emptyMemory,
  findBundle,
  formatMemory,
  localKey,
  lookAt,
  mergeMemories,
  parseMemory,
  pendingViews,
  planApprove,
  planReject,
  sign,
} from 'coatcheck/admin';
import type { Memory, Plan, Review } from 'coatcheck/admin';
import { codeOf, deriveIdentity, parseNodeId } from 'coatcheck/client';
import { openFolder, readSiteFile, rolesOn } from 'coatcheck/serve';
import { createApp } from 'coatcheck/server';
import { Hono } from 'hono';
import { basicAuth } from 'hono/basic-auth';
import { csrf } from 'hono/csrf';
import { html } from 'hono/html';

const site = await readSiteFile('coatcheck-site/site.json');
/** As nodes name it: where coatcheck is below this program. */
const publicUrl = site.servers[0]!;

// 1. The server, below a path: it stays what it is alone.

const coatcheck = createApp({
  site,
  ...rolesOn(await openFolder('store', { create: true }), { baseUrl: publicUrl }),
  publicUrl,
});

// 2. Who may: name, role, salt and scrypt of the password, as this engine keeps them.

interface User {
  readonly role: 'operator' | 'viewer';
  readonly salt: string;
  readonly hash: string;
}
const users = new Map(
  Object.entries(JSON.parse(await readFile('users.json', 'utf8')) as Record<string, User>),
);
const hashOf = promisify<string, Buffer, number, Buffer>(scrypt);
const NOBODY: User = { role: 'viewer', salt: '00', hash: '00'.repeat(32) };

async function isUser(name: string, password: string): Promise<boolean> {
  const { salt, hash } = users.get(name) ?? NOBODY;
  const right = Buffer.from(hash, 'hex');
  const given = await hashOf(password, Buffer.from(salt, 'hex'), right.length);
  return timingSafeEqual(given, right) && users.has(name);
}

// 3. The administrator that this program is, and what it has seen of the store: one that went back is noticed.

const SEEN = 'seen.json';

async function loadSeen(): Promise<Memory> {
  const text = await readFile(SEEN, 'utf8').catch(() => undefined);
  return text === undefined ? emptyMemory(site) : parseMemory(text, site);
}

/** One after another, so that none loses what another adds. */
let adding = Promise.resolve();
function addSeen(more: Memory): Promise<void> {
  const added = adding.then(async () => {
    await writeFile(`${SEEN}.new`, formatMemory(mergeMemories(await loadSeen(), more), site));
    await rename(`${SEEN}.new`, SEEN);
  });
  adding = added.catch(() => undefined);
  return added;
}

const { seed } = JSON.parse(await readFile('coatcheck-site/admin.key', 'utf8')) as { seed: string };
const key = localKey(deriveIdentity(Uint8Array.from(Buffer.from(seed, 'base64url'))));
const newSession = () =>
  createSession({
    ...{ site, server: publicUrl, key, program: 'the engine' },
    memory: { load: loadSeen, add: addSeen },
  });

/** What is on somebody's page: that is signed and nothing else, and only by who was shown it. */
const shown = new Map<string, { readonly plan: Plan; readonly to: string }>();
const MAX_SHOWN = 1000;

// 4. The page.

type Env = { Variables: { user: string } };
const page = new Hono<Env>();
page.use(
  csrf(),
  basicAuth({ verifyUser: (name, password) => isUser(name, password), realm: 'the engine' }),
  async (c, next) => {
    const basic = /^Basic +(.*)$/i.exec(c.req.header('authorization') ?? '')?.[1] ?? '';
    c.set('user', Buffer.from(basic, 'base64').toString('utf8').split(':')[0]!);
    await next();
  },
);

page.get('/', async (c) => {
  const waits = await pendingViews(await newSession());
  const rows = waits.map(
    ({ node, words, digest, hostname }) =>
      html`<li><a href="/nodes/${node}/${digest}">${words}</a> says that it is ${hostname}</li>`,
  );
  return c.html(
    html`<h1>${waits.length} waiting</h1>
      <ul>
        ${rows}
      </ul>`,
  );
});

page.get('/nodes/:node/:digest', async (c) => {
  const session = await newSession();
  const standing = await lookAt(session, parseNodeId(c.req.param('node')));
  const plan = await planApprove(session, standing, {
    ...{ place: findBundle(standing, c.req.param('digest')), showSecrets: false, stat: false },
    reason: reasonOf(c.get('user')),
  });
  const ticket = crypto.randomUUID();
  shown.set(ticket, { plan, to: c.get('user') });
  for (const oldest of shown.keys()) if (shown.size > MAX_SHOWN) shown.delete(oldest);
  const needs = plan.objections.map(({ code }) => html`<p>Needs coatcheck approve: ${code}</p>`);
  return c.html(
    html`<h1>${c.req.param('node')}</h1>
      ${plan.warnings.map(({ code }) => html`<p>${code}</p>`)} ${differences(plan.review)} ${needs}
      <form method="post" action="/decide">
        <input type="hidden" name="ticket" value="${ticket}" />
        <button name="verdict" value="approve">Approve</button>
        <button name="verdict" value="reject">Reject</button>
      </form>`,
  );
});

page.post('/decide', async (c) => {
  const user = c.get('user');
  if (users.get(user)?.role !== 'operator')
    return c.text(`${user} may look, and not decide\n`, 403);
  const { ticket = '', verdict } = await c.req.parseBody<{ ticket?: string; verdict?: string }>();
  const found = shown.get(ticket);
  if (found?.to !== user) return c.text('look at it again: it is not what was shown\n', 409);
  shown.delete(ticket);
  try {
    const [outcome] = await (verdict === 'approve'
      ? approve(found.plan)
      : reject(found.plan, user));
    return c.text(`${outcome!.type}: decision ${outcome!.seq}\n`);
  } catch (error) {
    // Somebody was quicker, or it needs what this page does not offer: nothing was decided.
    return c.text(`${(error as Error).message} [${codeOf(error)}]\n`, 409);
  }
});

const approve = async (plan: Plan) => sign(await newSession(), plan);

async function reject({ node, statements: [{ digest }] }: Plan, user: string) {
  const session = await newSession();
  const standing = await lookAt(session, node);
  const wish = { digest: Buffer.from(digest!).toString('hex'), reason: reasonOf(user) };
  return sign(session, await planReject(session, standing, wish));
}

/** Signed, and in `coatcheck history`: the administrator is this program, and this is who pressed. */
const reasonOf = (user: string): string => `by ${user}, in the engine`;

function differences(review: Review | undefined) {
  return (review?.diff.files ?? []).map(
    ({ change, path, lines, hidden }) =>
      html`<h2>${change} ${path}</h2>
        <pre>${lines?.join('\n') ?? `not shown: ${String(hidden)}`}</pre>`,
  );
}

// 5. Both, on one port.

const host = new Hono();
host.route(new URL(publicUrl).pathname, coatcheck);
host.route('/', page);
serve({ fetch: host.fetch, hostname: '127.0.0.1', port: Number(new URL(publicUrl).port) });
