import * as fs from 'node:fs';
import { join } from 'node:path';

/**
 * Searches for secrets in every form in which they could get out. Each has a name, which is all that
 * a finding says.
 */
export interface SecretScan {
  /** @param secret at least 12 bytes, so that it is nowhere by chance */
  plant(name: string, secret: string | Uint8Array): void;
  /** @returns `place: name` for each secret that is in there */
  search(place: string, content: string | Uint8Array): string[];
  /** {@link search} in every regular file below `folder` whose mode lets `who` in. */
  searchFiles(folder: string, who: 'others' | 'anybody'): string[];
}

export function createSecretScan(): SecretScan {
  const forms: { name: string; form: string }[] = [];
  const search: SecretScan['search'] = (place, content) => {
    const text = typeof content === 'string' ? content : latin1(content);
    const found = forms.filter(({ form }) => text.includes(form)).map(({ name }) => name);
    return [...new Set(found)].map((name) => `${place}: ${name}`);
  };
  return {
    search,
    plant(name, secret) {
      const bytes = typeof secret === 'string' ? Buffer.from(secret) : Buffer.from(secret);
      if (bytes.length < 12) throw new Error(`${name} is too short to be searched for`);
      for (const form of formsOf(bytes)) forms.push({ name, form });
    },
    searchFiles: (folder, who) =>
      filesBelow(folder).flatMap((path) => {
        const { mode } = fs.statSync(path);
        // Not by the folders above: they may be opened one day, and the file still lies there.
        return who === 'anybody' || (mode & 0o044) !== 0 ? search(path, fs.readFileSync(path)) : [];
      }),
  };
}

/** As it is, in hex, in both alphabets of base64 at any place, in JSON, and in a URL. */
export function formsOf(bytes: Buffer): Set<string> {
  const hex = bytes.toString('hex');
  const forms = [latin1(bytes), hex, hex.toUpperCase()];
  for (const shift of [0, 1, 2]) {
    // What of the text depends on these bytes alone, wherever they begin in what is encoded.
    const whole = Buffer.concat([Buffer.alloc(shift), bytes]);
    const [from, to] = [Math.ceil((shift * 8) / 6), Math.floor((whole.length * 8) / 6)];
    forms.push(whole.toString('base64').slice(from, to));
    forms.push(whole.toString('base64url').slice(from, to));
  }
  const text = bytes.toString();
  if (!text.includes('\ufffd')) {
    forms.push(JSON.stringify(text).slice(1, -1), encodeURIComponent(text));
    forms.push(JSON.stringify(JSON.stringify(text)).slice(3, -3));
  }
  return new Set(forms);
}

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

/** Every regular file below a folder. */
export function filesBelow(folder: string): string[] {
  return fs
    .readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => fs.lstatSync(path, { throwIfNoEntry: false })?.isFile() === true);
}
