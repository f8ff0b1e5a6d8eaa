import { reportError } from '../cli/report-error.ts';
import { buildImage } from './build.ts';
import { HELP, readOptions } from './options.ts';

const say = (line: string): void => void process.stderr.write(`${line}\n`);

// Not only root reads what an image has, and the same inputs give the same modes.
process.umask(0o022);
try {
  const now = Math.floor(Date.now() / 1000);
  const options = readOptions(process.argv.slice(2), process.env, now);
  if (options === undefined) console.log(HELP);
  else {
    await buildImage(options, say);
    const next = options.uki
      ? 'docs/trust.md says how it is signed'
      : 'docs/boot.md says how machines boot it';
    say(`the image is in ${options.out}: ${next}`);
  }
} catch (error) {
  process.exitCode = reportError(error, process, { json: false });
}
