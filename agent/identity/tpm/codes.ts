/** What a TPM says that did not do what it was told, by number (TPM 2.0 Library part 2, 6.6, "TPM_RC"). */
const MEANINGS: Readonly<Record<number, string>> = {
  0x84: 'VALUE',
  0x8b: 'HANDLE',
  0x8e: 'AUTH_FAIL, the authorization is wrong',
  0x95: 'SIZE',
  0xa2: 'BAD_AUTH, the authorization is wrong: somebody took ownership of the TPM',
  0x9f: 'INTEGRITY, it was made for another TPM, or another key of it',
  0x9d: 'POLICY_FAIL, a policy is not true',
  0x100: 'INITIALIZE, the firmware did not start it',
  0x101: 'FAILURE, its self-test failed: switch the power off and on',
  0x120: 'DISABLED, the firmware switched it off',
  0x126: 'POLICY, a policy is not true',
  0x128: 'PCR_CHANGED, a register was extended meanwhile',
  0x12f: 'AUTH_UNAVAILABLE, it wants a policy',
  0x143: 'COMMAND_CODE, it has no such command',
  0x146: 'NV_RANGE',
  0x149: 'NV_AUTHORIZATION',
  0x14a: 'NV_UNINITIALIZED',
  0x14b: 'NV_SPACE, it has no room: undefine an index that nothing needs',
  0x902: 'OBJECT_MEMORY, other programs use it up',
  0x908: 'YIELDED, it is busy',
  0x90a: 'TESTING, it tests itself',
  0x920: 'NV_RATE, it has written much: try again later',
  0x921:
    'LOCKOUT, it was asked with a wrong authorization too often: leave it switched on for some hours',
  0x922: 'RETRY, it is busy',
  0x923: 'NV_UNAVAILABLE, its memory cannot be written now',
};

/** What goes by itself: the same command is sent again. */
export const PASSING: readonly number[] = [0x908, 0x90a, 0x920, 0x922];
/** What goes by itself later. */
export const LASTING: readonly number[] = [...PASSING, 0x921, 0x923];
/** There is nothing that the first handle of the command names. */
export const NO_SUCH_HANDLE = 0x18b;

/** Its name, number and, where there is one to give, meaning: `TPM_RC_HANDLE 0x18b`. */
export function tellCode(code: number): string {
  // Where bit 7 is set, others tell which parameter, handle or session of the command is meant.
  const number = (code & 0x80) === 0 ? code : code & 0xbf;
  const [name = '', ...meaning] = MEANINGS[number]?.split(/(?=, )/) ?? [];
  return [`TPM_RC_${name} 0x${code.toString(16)}`.replace('_ ', ' '), ...meaning].join('');
}
