import { execFile } from 'node:child_process';
import { equalBytes } from '../../bundle/index.ts';
import { shownChain } from '../../admin/session.ts';
import { readLocalFile } from '../../files/read.ts';
import { textIn } from '../../files/text.ts';
import { parseCa } from '../../net/certificates.ts';
import { createFetch } from '../../net/fetch.ts';
import { createClient } from '../../protocol/client.ts';
import { fail } from '../../protocol/errors.ts';
import { escapeLine } from '../../protocol/escape.ts';
import { MAX_CA_BYTES } from '../../protocol/site.ts';
import type { Site } from '../../protocol/site.ts';
import type { Context } from '../context.ts';
import { beforeEnd } from '../interrupt.ts';
import { serverAddress } from '../server-address.ts';
import { changeSite, readSite } from '../site-file.ts';

/** Where the address is from, unless it was given; and whom to believe there. */
export interface SetServerOptions {
  /** Name of a stack of CloudFormation */
  readonly fromStack?: string;
  /** A file of `cdk deploy --outputs-file` */
  readonly outputs?: string;
  /** A PEM file */
  readonly ca?: string;
  readonly noCa: boolean;
}

const ONE_ADDRESS =
  'give one address: as in site set-server http://cfg.example:8420, or by --from-stack NAME or --outputs FILE';
const MAX_OUTPUTS_BYTES = 1 << 20;
const AWS_MILLISECONDS = 60_000;

/**
 * `coatcheck site set-server`: writes an address into `site.json`, and whom to believe there. Keys it takes from
 * nowhere: what answers there must show the keyset that `site.json` pins, or nothing is written.
 *
 * @param url without it `--server` says it
 * @throws usage for no address, or two; step_failed for `aws`; file_malformed; wrong_site and what the client throws
 */
export async function siteSetServer(
  context: Context,
  url: string | undefined,
  options: SetServerOptions,
): Promise<void> {
  const { terminal, home } = context;
  const before = await readSite(home);
  const server = serverAddress(await addressOf(context, url, options));
  const given = await readCa(options);
  const { ca } = withCa(before, given, options);
  const client = createClient({ ...{ server, site: before.id, fetch: createFetch({ ca }) } });
  await terminal.waiting('asking the server', () => shownChain(client, before));
  const changed = await changeSite(home, (now) => {
    const after = { ...withCa(now, given, options), servers: [server] };
    if (equalBytes(now.id, before.id) && after.ca === ca) return after;
    throw fail(
      'in_use',
      `${home.siteFile} is of another site, or believes another CA, since: look at it, and try again`,
    );
  });
  terminal.document({ server, ca: changed.ca !== undefined });
  terminal.print(`${server} serves this site: it is in ${home.siteFile} now`);
  if (before.ca !== undefined && changed.ca !== undefined && options.ca === undefined) {
    terminal.hint("the site's CA stayed: --no-ca takes it away");
  }
  terminal.hint(
    `put ${home.siteFile} into the next image, and give it to the other administrators`,
  );
}

function withCa(
  { ca: before, ...site }: Site,
  ca: string | undefined,
  { noCa }: SetServerOptions,
): Site {
  const after = ca ?? (noCa ? undefined : before);
  return after === undefined ? site : { ...site, ca: after };
}

/** @throws file_missing, file_malformed */
async function readCa({ ca: path }: SetServerOptions): Promise<string | undefined> {
  if (path === undefined) return undefined;
  const ca = Buffer.from(await readLocalFile(path, { maxBytes: MAX_CA_BYTES })).toString('latin1');
  parseCa(ca, path);
  return ca;
}

async function addressOf(
  context: Context,
  url: string | undefined,
  options: SetServerOptions,
): Promise<string> {
  const { fromStack, outputs } = options;
  const isFoundToo = fromStack !== undefined || outputs !== undefined;
  if (url !== undefined && !isFoundToo) return url;
  if (url !== undefined) throw fail('usage', ONE_ADDRESS);
  if (outputs !== undefined) {
    const text = textIn(await readLocalFile(outputs, { maxBytes: MAX_OUTPUTS_BYTES }), outputs);
    return serverIn(Object.values(object(jsonIn(text, outputs))).map(object), outputs);
  }
  if (fromStack === undefined) {
    if (context.server !== undefined) return context.server;
    throw fail('usage', ONE_ADDRESS);
  }
  const stack = `stack ${escapeLine(fromStack)}`;
  const said = await context.terminal.waiting('asking AWS', () => describe(context, fromStack));
  const all = jsonIn(said, stack);
  const pairs = Array.isArray(all) ? all.map(object) : [];
  const named = pairs.map(({ OutputKey, OutputValue }) => [String(OutputKey), OutputValue]);
  return serverIn([Object.fromEntries(named) as Record<string, unknown>], stack);
}

/** What a site's construct calls its address: below another construct there is more around it. */
const OUTPUT = /CoatcheckServer(?:[0-9A-F]{8})?$/;

function serverIn(stacks: readonly Record<string, unknown>[], from: string): string {
  const found = stacks.flatMap((outputs) =>
    Object.entries(outputs).flatMap(([name, value]) =>
      OUTPUT.test(name) && typeof value === 'string' ? [value] : [],
    ),
  );
  if (found.length === 1) return found[0]!;
  const those = found.map(escapeLine).join(', ');
  throw fail(
    'file_malformed',
    found.length === 0
      ? `${from} has no output CoatcheckServer: is it a site that was deployed?`
      : `${from} has several sites: give site set-server one of ${those}`,
  );
}

function jsonIn(text: string, from: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw fail('file_malformed', `${from}: it is not JSON`, { cause });
  }
}

const object = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};

/** By the AWS CLI, with the credentials and the region that it finds (docs/adr/0261). @throws step_failed */
async function describe({ env }: Context, stack: string): Promise<string> {
  const query = ['--query', 'Stacks[0].Outputs', '--output', 'json'];
  const args = ['cloudformation', 'describe-stacks', `--stack-name=${stack}`, ...query];
  return new Promise((resolve, reject) => {
    const child = execFile(
      'aws',
      args,
      // Its second version would hand the answer to a pager.
      { env: { ...env, AWS_PAGER: '' }, timeout: AWS_MILLISECONDS, maxBuffer: MAX_OUTPUTS_BYTES },
      (error, stdout, stderr) => {
        isOver();
        if (error === null) resolve(stdout);
        else reject(refused(error, stderr));
      },
    );
    const isOver = beforeEnd(() => void child.kill());
  });
}

function refused(error: Error & { code?: unknown }, stderr: string): Error {
  if (error.code === 'ENOENT') {
    return fail('step_failed', 'the AWS CLI (aws) is not installed: give --outputs FILE instead');
  }
  const said = stderr.trim().split('\n').at(-1) ?? '';
  return fail('step_failed', `aws: ${escapeLine(said === '' ? 'it gave no answer' : said)}`);
}
