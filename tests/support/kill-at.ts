/**
 * A module to preload (`node --import`) that ends the process by SIGKILL before its n-th call that
 * changes a file tree. With n = 0 it lets the process run, and says `calls <count> <count by name>`
 * on stderr.
 */
export function killAt(n: number): string {
  return `data:text/javascript,${encodeURIComponent(`
    import fs from 'node:fs';
    import { syncBuiltinESMExports } from 'node:module';
    const names = ['rename', 'unlink', 'mkdir', 'symlink', 'link', 'write', 'open'];
    names.push('fchmod', 'fchown', 'fsync');
    let calls = 0;
    const byName = {};
    for (const name of names.map((name) => name + 'Sync')) {
      const real = fs[name];
      fs[name] = (...args) => {
        const changes = name !== 'openSync' || (args[1] & fs.constants.O_CREAT) !== 0;
        if (changes && ++calls === ${n}) process.kill(process.pid, 'SIGKILL');
        if (changes) byName[name] = (byName[name] ?? 0) + 1;
        return real(...args);
      };
    }
    syncBuiltinESMExports();
    if (${n} === 0) process.on('exit', () => fs.writeFileSync(2, 'calls ' + calls + ' ' + JSON.stringify(byName) + '\\n'));
  `)}`;
}
