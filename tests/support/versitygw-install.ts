import { cachedProgram, findGo, findProgram } from '../../local-minio/find.ts';
import { goInstall } from '../../local-minio/go-install.ts';

/** `npm run versitygw`: has a versitygw, built into the cache if there is none. */
const VERSITYGW = {
  title: 'versitygw',
  module: 'github.com/versity/versitygw/cmd/versitygw@v1.8.0',
  takes: 'a minute and a half',
};

const say = (line: string): void => void process.stderr.write(`${line}\n`);
const found = await findProgram('versitygw');
const go = await findGo();
if (found !== undefined) say(`versitygw is there: ${found}`);
else if (go !== undefined) await goInstall(go, VERSITYGW, cachedProgram('versitygw'), say);
else throw new Error('versitygw needs Go to be built (https://go.dev/dl)');
