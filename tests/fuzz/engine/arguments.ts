import { CommanderError } from 'commander';
import type { Command } from 'commander';
import { utf8 } from '../../../bundle/bytes.ts';
import type { Target } from './target.ts';
import { demand } from './verdict.ts';

/** Thrown in the place of what a command does. */
class Reached extends Error {
  readonly command: Command;
  constructor(command: Command) {
    super('reached');
    this.command = command;
  }
}

function* commandsOf(program: Command): Generator<Command, void> {
  yield program;
  for (const command of program.commands) yield* commandsOf(command);
}

/**
 * A command line, its words divided by NUL: it leads to a command, with options that the command
 * has and no others, or to commander's own error, which is a usage error for us. What the commands
 * do is left out.
 */
export function argumentTarget(program: Command, lines: readonly string[]): Target {
  const names: string[] = ['--', '-', '-h', '--no-', '__proto__', 'constructor', '-1', '30'];
  for (const command of commandsOf(program)) {
    command.configureOutput({ writeOut: () => undefined });
    names.push(command.name(), ...command.options.map(({ long }) => long ?? ''));
    if (command.commands.length === 0) {
      command.action(() => {
        throw new Reached(command);
      });
    }
  }
  return {
    async run(input) {
      const args = Buffer.from(input).toString('utf8').split('\0');
      try {
        await program.parseAsync(args, { from: 'user' });
      } catch (error) {
        if (error instanceof CommanderError) return error.code;
        if (!(error instanceof Reached)) throw error;
        const { command } = error;
        const known = [...program.options, ...command.options].map((option) =>
          option.attributeName(),
        );
        for (const [name, value] of Object.entries(command.optsWithGlobals())) {
          demand(known.includes(name), `an option ${name} was made up`);
          demand(
            ['string', 'boolean', 'number', 'undefined'].includes(typeof value),
            `${name} is odd`,
          );
        }
        demand(!('polluted' in {}), 'the prototype of all objects was changed');
        return `reached ${command.name()}`;
      }
      return 'nothing';
    },
    seeds: lines.map((line) => utf8(line.replaceAll(' ', '\0'))),
    words: ['\0', '=', ...names.map((name) => `\0${name}`)],
    maxBytes: 256,
    work: [20_000, 200],
    allocated: [1024, 8],
  };
}
