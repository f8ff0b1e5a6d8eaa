#!/bin/sh
# The network is wanted though the root may need none.
if getargbool 0 stateless; then
  mkdir -p /etc/cmdline.d
  echo rd.neednet=1 > /etc/cmdline.d/70-coatcheck.conf
fi
