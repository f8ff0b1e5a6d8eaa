/** What stands where a secret was. */
export const MASK = '********';

/** Whether an answer (`answer:rootpw`) is called like a secret: its value is hidden. */
export const isSecretName = (name: string): boolean =>
  /pass(word|phrase|wd)|secret|token|psk|pw$|(api|private|preshared)[_-]?key|credential/i.test(
    name,
  );
