#!/bin/sh
# The network is wanted though the root may need none.
! getargbool 0 stateless || echo rd.neednet=1 > /etc/cmdline.d/70-coatcheck.conf
