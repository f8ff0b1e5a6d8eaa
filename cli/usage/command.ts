import type { Context } from '../context.ts';
import { commandsFor } from '../../usage/table.ts';

/**
 * How a command of `coatcheck` enters the table (../program.ts). A file here says how one is called and
 * loads what it does (../commands/) when it is called: the help loads nothing.
 */
export const command = commandsFor<Context>();
