/**
 * A module to preload (`node --import`) that ends the process by SIGKILL before its n-th call that
 * changes a file tree. With n = 0 it lets the process run, and says `calls <count>` on stderr.
 */
export function killAt(n: number): string {
  return `data:text/javascript,${encodeURIComponent(`
    import fs from 'node:fs';
    import { syncBuiltinESMExports } from 'node:module';
    const names = ['rename', 'unlink', 'mkdir', 'symlink', 'link', 'write', 'open'];
    names.push('fchmod', 'fchown', 'fsync');
    let calls = 0;
    for (const name of names.map((name) => name + 'Sync')) {
      const real = fs[name];
      fs[name] = (...args) => {
        const changes = name !== 'openSync' || (args[1] & fs.constants.O_CREAT) !== 0;
        if (changes && ++calls === ${n}) process.kill(process.pid, 'SIGKILL');
        return real(...args);
      };
    }
    syncBuiltinESMExports();
    if (${n} === 0) process.on('exit', () => fs.writeFileSync(2, 'calls ' + calls + '\\n'));
  `)}`;
}
