import * as v from 'valibot';
import type { Choices } from './choices.ts';

/** Values for the strings and numbers of a schema, by the name of the member that they are for. */
export type Values = (name: string, choices: Choices) => unknown;

interface Described {
  readonly type: string;
  readonly entries?: Readonly<Record<string, Described>>;
  readonly wrapped?: Described;
  readonly options?: readonly (Described | string)[];
  readonly literal?: unknown;
  readonly item?: Described;
}

/**
 * A value such as the schema asks for, mostly: now and then a member is left out, is of another
 * kind, or is one that nobody knows.
 */
export function valueOf(schema: v.GenericSchema, choices: Choices, values: Values): unknown {
  return make(schema, '', choices, values);
}

const ODD: readonly unknown[] = [null, true, -1, 1.5, 2 ** 53, '', [], {}, 'x', ['x']];

function make(schema: Described, name: string, choices: Choices, values: Values): unknown {
  if (choices.below(32) === 31) return choices.pick(ODD);
  switch (schema.type) {
    case 'object':
    case 'strict_object':
      return makeObject(schema.entries!, choices, values);
    case 'optional':
      return choices.flag() ? make(schema.wrapped!, name, choices, values) : undefined;
    case 'union':
      return make(choices.pick(schema.options!) as Described, name, choices, values);
    case 'picklist':
      return choices.pick(schema.options!);
    case 'literal':
      return schema.literal;
    case 'array':
      return Array.from({ length: choices.below(4) }, () =>
        make(schema.item!, name, choices, values),
      );
    default:
      return values(name, choices);
  }
}

function makeObject(
  entries: Readonly<Record<string, Described>>,
  choices: Choices,
  values: Values,
): Record<string, unknown> {
  const made = Object.entries(entries).flatMap(([name, schema]) =>
    choices.below(32) === 31 ? [] : [[name, make(schema, name, choices, values)] as const],
  );
  const unknown = choices.below(32) === 31 ? [[choices.text(), 1] as const] : [];
  return Object.fromEntries([...made, ...unknown]);
}
