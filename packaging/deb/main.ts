import { statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { reportError } from '../../cli/report-error.ts';
import { fail } from '../../protocol/errors.ts';
import { readDate } from '../date.ts';
import { buildAgentDeb } from './agent.ts';
import { buildServerDeb } from './server.ts';

const HELP = `npm run deb -- [OPTIONS]    builds coatcheck-agent_<version>_all.deb and coatcheck_<version>_all.deb

  --out FOLDER    where they are put (dist)
  --agent FILE    the agent (dist/coatcheck-agent.mjs)
  --program FOLDER    coatcheck with its libraries in it (node_modules/.cache/coatcheck-standalone)

SOURCE_DATE_EPOCH, seconds since 1970, is the date of their files; otherwise now.`;

function optionsOf(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        out: { type: 'string', default: 'dist' },
        agent: { type: 'string', default: join('dist', 'coatcheck-agent.mjs') },
        program: {
          type: 'string',
          default: join('node_modules', '.cache', 'coatcheck-standalone'),
        },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    return values;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw fail('usage', `${why}: npm run deb -- --help has every option`);
  }
}

try {
  const { out, agent, program, help } = optionsOf(process.argv.slice(2));
  if (help) console.log(HELP);
  else {
    const date = readDate(process.env, Math.floor(Date.now() / 1000));
    if (!statSync(agent, { throwIfNoEntry: false })?.isFile()) {
      throw fail('file_missing', `--agent: there is no file ${agent}: npm run build makes it`);
    }
    console.log(await buildAgentDeb({ agent: resolve(agent), out: resolve(out), date }));
    console.log(await buildServerDeb({ program, out: resolve(out), date }));
  }
} catch (error) {
  process.exitCode = reportError(error, process, { json: false });
}
