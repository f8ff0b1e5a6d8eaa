#!/bin/bash
# Installed as /usr/lib/dracut/modules.d/90coatcheck/module-setup.sh: puts the agent, Node and the site into
# the initramfs, where add_dracutmodules+=" coatcheck " stands in /etc/dracut.conf.d/.

check() {
  require_binaries node || return 1
  return 255
}

depends() {
  echo network
}

installkernel() {
  hostonly='' instmods af_packet vfat nls_cp437 nls_ascii nls_utf8 nls_iso8859-1
}

install() {
  local paths
  if ! paths=$(/usr/lib/coatcheck/initramfs/contents); then
    dfatal 'coatcheck: what the agent needs is not there'
    exit 1
  fi
  # shellcheck disable=SC2086 # a list
  inst_multiple $paths mkdir cp rm sleep
  if [[ ! -e $initdir/usr/lib/coatcheck/image.json ]]; then
    mkdir -p "$initdir/usr/lib/coatcheck"
    date -u ${SOURCE_DATE_EPOCH:+-d "@$SOURCE_DATE_EPOCH"} \
      '+{"version": "initramfs", "date": "%Y-%m-%dT%H:%M:%SZ"}' > "$initdir/usr/lib/coatcheck/image.json"
  fi
  inst_hook cmdline 05 "$moddir/network.sh"
  inst_hook pre-pivot 50 "$moddir/pre-pivot.sh"
  dracut_need_initqueue
}
