"""A port of a switch for one VLAN: TRUNK has its frames with the tag, ACCESS without. For kernels that have no VLANs."""

import fcntl
import os
import select
import struct
import sys

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000
ETHERTYPE, ADDRESSES, TAG = 0x8100, 12, 4


def tap(name):
    device = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TAP | IFF_NO_PI))
    return device


trunk, access = tap(sys.argv[1]), tap(sys.argv[2])
vlan = int(sys.argv[3])
print("ready", flush=True)
while True:
    for device in select.select([trunk, access], [], [])[0]:
        frame = os.read(device, 65536)
        if device == access:
            tag = struct.pack("!HH", ETHERTYPE, vlan)
            os.write(trunk, frame[:ADDRESSES] + tag + frame[ADDRESSES:])
            continue
        ethertype, tag = struct.unpack("!HH", frame[ADDRESSES : ADDRESSES + TAG])
        if ethertype == ETHERTYPE and tag & 0xFFF == vlan:
            os.write(access, frame[:ADDRESSES] + frame[ADDRESSES + TAG :])
