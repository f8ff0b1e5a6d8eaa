import type { OptionsOf } from '../usage/table.ts';
import type { Context } from './context.ts';
import { DEFAULT_HOME, homeAt } from './home.ts';
import { createTerminal } from './terminal.ts';
import type { Streams } from './terminal.ts';
import type { COMMON } from './usage/options.ts';

/**
 * What every command is given, by the options that every command takes.
 * @param warnings takes what is warned of in JSON mode
 */
export function contextOf(
  { home, server, passphraseFile, passphraseCommand, json }: OptionsOf<typeof COMMON>,
  streams: Streams,
  warnings: string[],
): Context {
  const { COATCHECK_HOME: named = '' } = streams.env;
  const usual = named === '' ? DEFAULT_HOME : named;
  return {
    terminal: createTerminal(streams, { json, warnings }),
    home: homeAt(home, home !== usual),
    env: streams.env,
    server,
    passphraseFile,
    passphraseCommand,
  };
}
