import { VERSION } from '../functions/version.ts';
import type { Program } from '../usage/table.ts';
import type { Context } from './context.ts';
import { approveCommand } from './usage/approve.ts';
import { bundleExportCommand, bundleInspectCommand, bundleVerifyCommand } from './usage/bundle.ts';
import { cosignCommand } from './usage/cosign.ts';
import { diffCommand } from './usage/diff.ts';
import { doctorCommand } from './usage/doctor.ts';
import { editCommand } from './usage/edit.ts';
import { forgetCommand } from './usage/forget.ts';
import { historyCommand } from './usage/history.ts';
import { importCommand } from './usage/import.ts';
import { imageRevokeCommand } from './usage/image-revoke.ts';
import {
  imageKeysCommand,
  imagePolicyCommand,
  imageSignCommand,
  imageVerifyCommand,
} from './usage/image.ts';
import { initCommand } from './usage/init.ts';
import { keyPassphraseCommand } from './usage/key.ts';
import {
  keysAddCommand,
  keysListCommand,
  keysMonitorCommand,
  keysRemoveCommand,
  keysResealCommand,
  keysSignCommand,
  keysThresholdCommand,
} from './usage/keys.ts';
import { listCommand } from './usage/list.ts';
import { logCommand } from './usage/log.ts';
import { COMMON } from './usage/options.ts';
import { pendingCommand } from './usage/pending.ts';
import { prepareCommand } from './usage/prepare.ts';
import { putCommand } from './usage/put.ts';
import { reconfigureCommand } from './usage/reconfigure.ts';
import { rejectCommand } from './usage/reject.ts';
import { renewCommand } from './usage/renew.ts';
import { repairCommand } from './usage/repair.ts';
import { revokeCommand } from './usage/revoke.ts';
import { rmCommand } from './usage/rm.ts';
import { rollbackCommand } from './usage/rollback.ts';
import { serveCommand } from './usage/serve.ts';
import { setCommand } from './usage/set.ts';
import {
  siteAddPathCommand,
  siteExpiresCommand,
  sitePathsCommand,
  siteSetServerCommand,
} from './usage/site.ts';
import { showCommand } from './usage/show.ts';
import { statusCommand } from './usage/status.ts';
import { uiCommand } from './usage/ui.ts';
import { lockCommand, unlockCommand } from './usage/unlock.ts';
import { mirrorCommand } from './usage/mirror.ts';
import { storeCopyCommand, storeVerifyCommand } from './usage/store.ts';
import { transferCommand } from './usage/transfer.ts';

/** The whole command line: docs/config.md lists it. */
export const PROGRAM: Program<Context, typeof COMMON> = {
  name: 'coatcheck',
  about: 'Configuration of machines without a disk: propose, approve, serve',
  version: VERSION,
  options: COMMON,
  commands: [
    ...[initCommand, serveCommand, doctorCommand],
    ...[statusCommand, uiCommand, pendingCommand, listCommand, showCommand, diffCommand],
    ...[
      approveCommand,
      cosignCommand,
      rejectCommand,
      renewCommand,
      historyCommand,
      logCommand,
      rollbackCommand,
      reconfigureCommand,
      revokeCommand,
      forgetCommand,
      repairCommand,
    ],
    ...[unlockCommand, lockCommand, keyPassphraseCommand],
    ...[editCommand, putCommand, rmCommand, setCommand],
    ...[importCommand, prepareCommand, transferCommand],
    ...[keysListCommand, keysAddCommand, keysRemoveCommand, keysThresholdCommand, keysSignCommand],
    ...[keysResealCommand, keysMonitorCommand],
    ...[sitePathsCommand, siteAddPathCommand, siteExpiresCommand, siteSetServerCommand],
    ...[imageKeysCommand, imageSignCommand, imageVerifyCommand, imagePolicyCommand],
    imageRevokeCommand,
    ...[storeCopyCommand, storeVerifyCommand, mirrorCommand],
    ...[bundleInspectCommand, bundleVerifyCommand, bundleExportCommand],
  ],
};
