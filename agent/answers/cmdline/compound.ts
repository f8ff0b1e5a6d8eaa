import type { AnswerName } from './answers.ts';
import { host, splitHostAndPort } from './addresses.ts';

type Said = Readonly<Partial<Record<AnswerName, string | undefined>>>;

/** What one argument says, by the names of the arguments that say it apart; unchecked. */
export interface Parts {
  /** They count where there is no argument of their own. */
  readonly otherwise?: Said;
  readonly alone?: Said;
  /** They belong together: an argument of its own does not change one of them. */
  readonly together?: Said;
}

/** What an argument says: itself, but for `management_server=`, which may have a port. */
export function compoundParts(name: AnswerName, text: string | undefined): Parts {
  if (text === undefined || name !== 'management_server' || host.canonical(text) !== undefined) {
    return { alone: { [name]: text } };
  }
  const { host: server, port } = splitHostAndPort(text);
  return {
    together: { management_server: server, ...(port !== undefined && { management_port: port }) },
  };
}
