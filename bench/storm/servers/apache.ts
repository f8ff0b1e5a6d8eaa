import type { CertificateProgram, CertificateSite } from './certificate-server.ts';

export const apache: CertificateProgram = {
  name: 'apache2',
  command: (configuration) => ['apache2', '-DFOREGROUND', '-f', configuration],
  configuration: configurationOf,
};

/** Where Debian has them; `log_config` and `unixd` are built in. */
const MODULES = '/usr/lib/apache2/modules';

/** WebDAV, where a node may read what has the name of its certificate. */
function configurationOf(site: CertificateSite): string {
  const { folder, port, root, certificates } = site;
  return `
ServerName 127.0.0.1
DefaultRuntimeDir ${folder}
PidFile ${folder}/pid
ErrorLog ${folder}/error.log
LoadModule mpm_event_module ${MODULES}/mod_mpm_event.so
LoadModule authn_core_module ${MODULES}/mod_authn_core.so
LoadModule authz_core_module ${MODULES}/mod_authz_core.so
LoadModule socache_shmcb_module ${MODULES}/mod_socache_shmcb.so
LoadModule ssl_module ${MODULES}/mod_ssl.so
LoadModule dav_module ${MODULES}/mod_dav.so
LoadModule dav_fs_module ${MODULES}/mod_dav_fs.so
LogFormat "%h %l %u %t \\"%r\\" %>s %b" common
CustomLog ${folder}/access.log common
${process.getuid?.() === 0 ? 'User www-data\nGroup www-data' : ''}
Listen 127.0.0.1:${port}
DocumentRoot ${root}
DavLockDB ${folder}/locks
SSLEngine on
SSLProtocol TLSv1.3
SSLOpenSSLConfCmd Curves P-256
SSLCertificateFile ${certificates}/server.pem
SSLCACertificateFile ${certificates}/ca.pem
SSLVerifyClient require
SSLVerifyDepth 1
<Location /served>
  Dav On
  Require expr "%{REQUEST_URI} == '/served/%{SSL_CLIENT_S_DN_CN}'"
</Location>
`;
}
