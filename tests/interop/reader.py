"""Runs the vectors, opens a bundle, or makes one, with the format as `coatcheck_format.py` has it.

    reader.py vectors FOLDER    one line per vector: its name and "ok <hex>" or a code
    reader.py open SEED         reads a sealed bundle (hex) on stdin, writes its contents as JSON
    reader.py names             the ranges of code points that a path may have, a line each; asserts that
                                each name of them is in NFC, and none invisible
    reader.py make SEED ADMIN   seals a bundle to both and approves it; writes both as JSON

Seeds are 32 bytes in hex.
"""

import json
import sys
import unicodedata
import zlib
from pathlib import Path

import coatcheck_format as f


def check_vector(check, fields, data):
    """What the vector says was read, as bytes; raises Refused."""
    max_bytes = int(fields.get("max-bytes", 1048576))
    approval = fields.get("approval")

    def identity():
        return f.Identity(bytes.fromhex(fields["seed"]))

    def pinned():
        return f.decode_keyset(bytes.fromhex(fields["pinned"]))

    if check == "sign-key":
        f.check_sign_key(data)
        return data
    if check == "box-key":
        f.check_box_key(data)
        return data
    if check == "words":
        return f.node_words(data).encode()
    if check == "ed25519":
        f.verify(bytes.fromhex(fields["public-key"]), data, bytes.fromhex(fields["signature"]))
        return data
    if check in ("proposal", "report"):
        return f.read_sealed(data, max_bytes, check)["digest"]
    if check == "open-proposal":
        manifest = f.open_bundle(f.read_sealed(data, max_bytes, "proposal"), identity())
        return f.sha256(f.encode_manifest(manifest))
    if check == "open-report":
        return f.open_report(f.read_sealed(data, max_bytes, "report"), identity())["statement"]
    if check == "manifest":
        return f.sha256(f.encode_manifest(f.decode_manifest(data)))
    if check == "statement":
        return f.decode_statement(data)["digest"]
    if check == "verify-statement":
        statement = f.decode_statement(data)
        f.verify_statement(statement, f.decode_keyset(bytes.fromhex(fields["keyset"])), approval)
        return statement["digest"]
    if check == "keyset":
        return f.decode_keyset(data)["digest"]
    if check == "chain":
        return f.verify_chain(f.decode_chain(data), pinned())["digest"]
    if check == "frame":
        max_frame = int(fields.get("max-bytes", 2**21))
        return f.verify_frame(data, pinned(), approval, max_frame)["digest"]
    if check == "capability":
        return f.sha256(f.decode_capability(data)["message"])
    if check == "verify-capability":
        capability = f.decode_capability(data)
        f.verify_capability(capability, f.decode_keyset(bytes.fromhex(fields["keyset"])))
        return f.sha256(capability["message"])
    raise ValueError(check)


def run_vector(text):
    header, body = text.split("\n\n", 1)
    fields = dict(line.split(": ", 1) for line in header.split("\n")[1:])
    data = bytes.fromhex(body.replace("\n", ""))
    if fields.get("encoding") == "deflate":
        data = zlib.decompress(data, -15)
    try:
        return "ok " + check_vector(fields["check"], fields, data).hex()
    except f.Refused as refused:
        return refused.code


def vectors(folder):
    for path in sorted(Path(folder).glob("*.txt")):
        print(path.stem, run_vector(path.read_text()))


def open_stdin(seed):
    identity = f.Identity(bytes.fromhex(seed))
    sealed = f.read_sealed(bytes.fromhex(sys.stdin.read()), 1048576, "proposal")
    manifest = f.open_bundle(sealed, identity)
    files = [{**file, "content": file["content"].hex()} for file in manifest["files"]]
    node = f.sha256(manifest["sign_key"] + manifest["box_key"])[:20]
    json.dump(
        {"node": f.id_text(node), "metadata": manifest["metadata"], "files": files}, sys.stdout
    )


def is_taken(char):
    try:
        f.check_path(f"a{char}b")
        return char != "/"
    except (f.Refused, UnicodeEncodeError):
        return False


def names():
    everything = [chr(point) for point in range(0x110000)]
    # What a character before may compose with. Hangul is not listed: its vowels and finals.
    seconds = {chr(point) for point in [*range(0x1161, 0x1176), *range(0x11A8, 0x11C3)]}
    for char in everything:
        parts = unicodedata.decomposition(char).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            seconds.add(chr(int(parts[1], 16)))
    taken = [char for char in everything if is_taken(char)]
    for char in taken:
        assert unicodedata.is_normalized("NFC", char) and not unicodedata.combining(char), char
        assert char not in seconds and unicodedata.category(char)[0] not in "CM", char
    start = before = None
    for point in [*map(ord, taken), None]:
        if point is not None and before is not None and point == before + 1:
            before = point
            continue
        if start is not None:
            print(f"{start:04X}-{before:04X}")
        start = before = point


def make(seed, admin_seed):
    node, admin = (f.Identity(bytes.fromhex(text)) for text in (seed, admin_seed))
    owner = {"owner": "root", "uid": 0, "group": "root", "gid": 0}
    manifest = {
        "sign_key": node.sign_key,
        "box_key": node.box_key,
        "base": bytes(32),
        "metadata": {"hostname": "snake", "madeBy": "reader.py"},
        "files": [
            {"path": "etc/motd", "mode": 0o644, "content": b"made in Python\n", **owner},
            {"path": "etc/hosts", "mode": 0o600, "content": b"::1 localhost\n" * 40, **owner},
        ],
    }
    bundle = f.seal(f.encode_manifest(manifest), 0, node, [node.box_key, admin.box_key])
    statement = {
        "type": "approve",
        "version": 1,
        "site": b"\xa5" * 16,
        "node": node.id,
        "bundle": f.sha256(bundle),
        "prev": bytes(32),
        "seq": 1,
        "issued": 1795500000,
        "expires": 0,
        "reason": "from Python",
    }
    signed = f.encode_statement(statement, admin, 0)
    json.dump({"bundle": bundle.hex(), "statement": signed.hex()}, sys.stdout)


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    {"vectors": vectors, "open": open_stdin, "names": names, "make": make}[command](*arguments)
