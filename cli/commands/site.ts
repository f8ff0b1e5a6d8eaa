import { pathIn, showPath } from '../../bundle/index.ts';
import { parseCa } from '../../net/certificates.ts';
import { fail } from '../../protocol/errors.ts';
import { faultOfSitePath, pathList } from '../../protocol/paths.ts';
import type { SitePath } from '../../protocol/paths.ts';
import { formatSite, parseSite } from '../../protocol/site.ts';
import type { Context } from '../context.ts';
import { defaultExpires, setDefaultExpires } from '../default-expires.ts';
import { changeSite, readSite } from '../site-file.ts';
import type { Terminal } from '../terminal.ts';

/** `coatcheck site paths`: what the site adds to the built-in list. */
export async function sitePaths({ terminal, home }: Context): Promise<void> {
  const { paths = [] } = await readSite(home);
  if (paths.length === 0) terminal.hint('this site adds nothing to the built-in list of paths');
  show(terminal, paths);
}

/**
 * `coatcheck site add-path PATTERN...`: behind those that are there, all or none.
 * @throws usage for a pattern that no site may have; file_malformed for too many
 */
export async function siteAddPath(
  { terminal, home }: Context,
  patterns: readonly string[],
  { secret }: { readonly secret: boolean },
): Promise<void> {
  const { paths = [] } = await changeSite(home, (site) => {
    const before = site.paths ?? [];
    const added = patterns.map((text): SitePath => {
      const pattern = pathIn(text);
      const fault = faultOfSitePath(pattern);
      if (fault !== undefined) throw fail('usage', `${showPath(pattern)}: ${fault}`);
      if (before.some((one) => one.pattern === pattern)) {
        const shown = showPath(pattern);
        throw fail('usage', `${shown} is there already: coatcheck site paths lists them`);
      }
      return { pattern, ...(secret && { secret }) };
    });
    return parseSite(formatSite({ ...site, paths: [...before, ...added] }), parseCa);
  });
  show(terminal, paths);
  terminal.hint(
    `put ${home.siteFile} into the next image, and give it to the other administrators (docs/site-paths.md)`,
  );
}

/**
 * `coatcheck site expires [WHEN]`: how long what this administrator approves is good for, unless told otherwise.
 * @throws usage for anything but a time from now and `never`
 */
export async function siteExpires(
  { terminal, home }: Context,
  text: string | undefined,
): Promise<void> {
  await readSite(home);
  if (text !== undefined) await setDefaultExpires(home, text);
  const expires = await defaultExpires(home);
  terminal.document({ expires: expires ?? 'never' });
  terminal.print(
    expires === undefined || expires === 'never'
      ? 'what is approved is good until it is decided anew'
      : `what is approved is good for ${expires}`,
  );
}

function show(terminal: Terminal, paths: readonly SitePath[]): void {
  for (const { pattern, secret = false } of paths) {
    terminal.print(`${secret ? 'secret' : 'open  '}  ${showPath(pattern)}`);
  }
  const { digest } = pathList(paths);
  terminal.document({ paths, ...(digest !== undefined && { digest }) });
}
