import { parseEventLog } from '../../../agent/identity/tpm/event-log.ts';
import { REGISTERS } from '../../../protocol/measured.ts';
import type { Target } from '../engine/target.ts';
import { demand, verdict } from '../engine/verdict.ts';

const u32 = (value: number): number[] => [value, 0, 0, 0];
const text = (of: string): number[] => [...Buffer.from(of, 'latin1')];
const wide = (of: string): number[] => [...Buffer.from(of, 'utf16le')];
const zeros = (length: number): number[] => new Array<number>(length).fill(0);
const spec = [...text('Spec ID Event03\0'), ...zeros(8), ...u32(1), 11, 0, 32, 0, 0];
const header = [...u32(0), ...u32(3), ...zeros(20), ...u32(spec.length), ...spec];
const event = (register: number, type: readonly number[], data: readonly number[]): number[] => [
  ...[...u32(register), ...type, ...u32(1), 11, 0, ...zeros(32)],
  ...[...u32(data.length), ...data],
];
const setting = [...zeros(16), 2, ...zeros(15), ...wide('db'), 1];

/** What firmware and stub say that they measured. */
export const target: Target = {
  run: (input) =>
    verdict(() => {
      const events = parseEventLog(Buffer.from(input));
      for (const { register, name, digest } of events) {
        demand((REGISTERS as readonly number[]).includes(register), 'a register of no policy');
        demand(/^[ -~]{1,32}$/.test(name), 'a name that cannot be told');
        demand(digest.length === 32, 'a digest of another length');
      }
      return `ok ${events.length}`;
    }),
  seeds: [
    Uint8Array.from([
      ...header,
      ...event(7, [1, 0, 0, 0x80], setting),
      ...event(7, u32(4), zeros(4)),
      ...event(7, [0xe0, 0, 0, 0x80], setting),
      ...event(11, u32(13), wide('.linux\0')),
      ...event(11, u32(13), text('.linux\0')),
    ]),
  ],
  limits: { maxBytes: 2000, work: [4000, 50], allocated: [32_768, 64] },
};
