#!/bin/sh
# The root is mounted, and nothing of it runs yet. dracut goes on whatever a hook ends with: this one
# ends well, or it was killed.
until /usr/lib/coatcheck/initramfs/until-applied "$NEWROOT"; do sleep 30; done
