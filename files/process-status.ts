import { readFileSync } from 'node:fs';

/** What the system tells of a process: proc_pid_stat(5). Numbers as it writes them. */
export interface ProcessStatus {
  /** When it started, in clock ticks since the system did */
  readonly start: string;
  /** It has ended, and only its number is still there. */
  readonly hasEnded: boolean;
  /** Its process group, and the one in the foreground of its terminal; -1 without a terminal */
  readonly group: string;
  readonly foreground: string;
}

/** Of a process by its number, or of this one (`self`); undefined if there is none, or no /proc. */
export function statusOf(pid: number | string): ProcessStatus | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  const fields = statFields(text);
  const [state, , group = '', , , foreground = ''] = fields;
  return { start: fields[19] ?? '', hasEnded: state === 'Z' || state === 'X', group, foreground };
}

/** The fields of a `/proc/<pid>/stat` from the third, the state, on. */
export function statFields(text: string): string[] {
  // Its number and, in brackets, its name come first; the name may hold anything.
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}
