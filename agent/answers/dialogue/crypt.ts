import { run as runProgram } from '../../programs/run.ts';

/**
 * Programs that crypt the line on their standard input, the best first: yescrypt where the image's
 * own libcrypt has it (mkpasswd(1) of `whois`), or else SHA-512 (openssl-passwd(1), mkpasswd). The
 * mkpasswd of `expect` is another program: its answers are no hashes, and are passed over.
 */
const PROGRAMS = [
  ['mkpasswd', '--method=yescrypt', '--stdin'],
  ['openssl', 'passwd', '-6', '-stdin'],
  ['mkpasswd', '-m', 'sha-512', '-s'],
] as const;

/** crypt(5): yescrypt, SHA-512 */
const HASH =
  /^(?:\$y\$[./A-Za-z0-9]+\$[./A-Za-z0-9]+\$[./A-Za-z0-9]{43}|\$6\$[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{86})\n$/;

/**
 * A password as `etc/shadow` has it, made by a program of the image. The password goes through a
 * pipe: no list of processes shows it.
 * @param password plain ASCII, up to 128 characters
 * @returns undefined if the image has no program for it
 */
export async function cryptPassword(
  password: string,
  run: typeof runProgram = runProgram,
): Promise<string | undefined> {
  for (const [program, ...args] of PROGRAMS) {
    const { status, stdout } = await run(program, args, { input: Buffer.from(`${password}\n`) });
    const hash = stdout.toString('latin1');
    if (status === 0 && HASH.test(hash)) return hash.trimEnd();
  }
  return undefined;
}
