"""The coatcheck format, version 1, written from docs/format.md alone.

PyNaCl and the standard library; shares no code with coatcheck. A reader, and enough of a writer to
seal a bundle and sign a statement. Every refusal is a `Refused` with the code of the specification.
"""

import base64
import hashlib
import hmac
import math
import os
import re
import unicodedata
import zlib
from pathlib import Path

from nacl import bindings
from nacl.exceptions import BadSignatureError, CryptoError

DICTIONARIES = {
    0: b"",
    1: (Path(__file__).parent / "../../docs/dictionary-1.txt").read_bytes(),
}
MAX_TIME = 253402300799


class Refused(Exception):
    def __init__(self, code):
        super().__init__(code)
        self.code = code


def require(condition, code):
    if not condition:
        raise Refused(code)


# Primitives ---------------------------------------------------------------------------------


def sha256(data):
    return hashlib.sha256(data).digest()


def hmac256(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


def hkdf(seed, info):
    prk = hmac256(b"coatcheck/v1", seed)
    return hmac256(prk, info + b"\x01")


def node_words(node_id):
    if len(node_id) != 20:
        raise Refused("bad_node_id")
    source = Path(__file__).parents[2] / "node_modules/@scure/bip39/wordlists/english.js"
    listed = re.search("`([a-z\\n]+)`", source.read_text()).group(1).split("\n")
    assert sha256("".join(word + "\n" for word in listed).encode()).hex() == BIP39_ENGLISH
    number = int.from_bytes(node_id[:11], "big")
    return " ".join(listed[number >> 11 * (7 - i) & 2047] for i in range(8))


BIP39_ENGLISH = "2f5eed53a4727b4bf8880d8f3f199efc90e58503646d9ff8eff3a2ed3b24dbda"
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
SMALL_Y = {
    bytes.fromhex(text)
    for text in (
        "00" * 32,
        "01" + "00" * 31,
        "ec" + "ff" * 30 + "7f",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    )
}
SMALL_U = {
    bytes.fromhex(text)
    for text in (
        "00" * 32,
        "01" + "00" * 31,
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ec" + "ff" * 30 + "7f",
    )
}


def is_sound_point(point):
    y = point[:31] + bytes([point[31] & 127])
    return int.from_bytes(y, "little") < P and y not in SMALL_Y


def check_sign_key(key):
    require(len(key) == 32 and is_sound_point(key), "bad_public_key")


def check_box_key(key):
    good = len(key) == 32 and int.from_bytes(key, "little") < P and key not in SMALL_U
    require(good, "bad_public_key")


def verify(key, message, signature):
    good = (
        len(key) == 32
        and len(signature) == 64
        and int.from_bytes(signature[32:], "little") < L
        and is_sound_point(key)
        and is_sound_point(signature[:32])
    )
    require(good, "bad_signature")
    try:
        bindings.crypto_sign_open(signature + message, key)
    except (BadSignatureError, CryptoError):
        raise Refused("bad_signature") from None


class Identity:
    def __init__(self, seed):
        self.sign_seed = hkdf(seed, b"sign")
        self.sign_key, self.sign_secret = bindings.crypto_sign_seed_keypair(self.sign_seed)
        self.box_secret = hkdf(seed, b"box")
        self.box_key = bindings.crypto_scalarmult_base(self.box_secret)
        self.id = sha256(self.sign_key + self.box_key)[:20]

    def sign(self, message):
        return bindings.crypto_sign(message, self.sign_secret)[:64]


def id_text(node_id):
    return base64.b32encode(node_id).decode().lower()


class Cursor:
    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, count):
        require(self.at + count <= len(self.data), "truncated")
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, count):
        return int.from_bytes(self.take(count), "big")

    def line(self):
        end = self.data.find(b"\n", self.at)
        require(end >= 0, "truncated")
        line = self.take(end - self.at)
        self.take(1)
        return line

    def rest(self):
        return self.take(len(self.data) - self.at)

    def magic(self, letters):
        found = self.data[self.at : self.at + 4]
        require(letters.startswith(found[:3]), "bad_magic")
        require(len(found) == 4, "truncated")
        require(found[3] == 1, "unsupported_version")
        self.at += 4

    def end(self):
        require(self.at == len(self.data), "trailing_bytes")


def text_of(data, code):
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused(code) from None


# Sealed bundle ------------------------------------------------------------------------------


def signed_message(kind, unsigned):
    context = b"coatcheck/v1 report\0" if kind == 2 else b"coatcheck/v1 bundle\0"
    return context + sha256(unsigned)


def read_sealed(data, max_bytes, expect):
    """The header of a sealed bundle or report whose signature is good."""
    hard_limit = 4096 if expect == "report" else 1048576
    require(len(data) <= min(max_bytes, hard_limit), "too_large")
    cursor = Cursor(data)
    cursor.magic(b"ccb")
    require(cursor.number(1) == 0, "unsupported_suite")
    kind = cursor.number(1)
    require(kind <= 2 and (kind == 2) == (expect == "report"), "bad_kind")
    dictionary = cursor.number(1)
    require(dictionary in DICTIONARIES, "unknown_dictionary")
    count = cursor.number(1)
    require(1 <= count <= 16, "bad_recipient_count")
    signer = cursor.take(32)
    ephemeral = cursor.take(32)
    commitment = cursor.take(32)
    slots = [cursor.take(48) for _ in range(count)]
    require(len(data) - cursor.at >= 80, "truncated")
    check_sign_key(signer)
    check_box_key(ephemeral)
    verify(signer, signed_message(kind, data[:-64]), data[-64:])
    return {
        "kind": kind,
        "dictionary": dictionary,
        "signer": signer,
        "ephemeral": ephemeral,
        "commitment": commitment,
        "slots": slots,
        "prefix": data[:72],
        "box": data[cursor.at : -64],
        "digest": sha256(data),
    }


def padded_length(length):
    if length <= 256:
        return 256
    exponent = length.bit_length() - 1
    step = 2 ** (exponent - (int(math.log2(exponent)) + 1))
    return -(-length // step) * step


def unpad(padded):
    stripped = padded.rstrip(b"\0")
    good = stripped.endswith(b"\x80") and padded_length(len(stripped)) == len(padded)
    require(good, "bad_padding")
    return stripped[:-1]


def inflate(data, length, dictionary):
    inflater = zlib.decompressobj(-15, zdict=dictionary) if dictionary else zlib.decompressobj(-15)
    try:
        # One byte more than declared is enough to know; 0 would mean "no limit".
        plain = inflater.decompress(data, length + 1)
    except zlib.error:
        raise Refused("inflate_failed") from None
    require(len(plain) <= length, "length_mismatch")
    require(inflater.eof, "inflate_failed")
    require(len(plain) == length, "length_mismatch")
    require(inflater.unused_data == b"", "trailing_bytes")
    return plain


def open_sealed(sealed, identity, max_plain):
    for slot in sealed["slots"]:
        try:
            key = bindings.crypto_box_seal_open(
                sealed["ephemeral"] + slot, identity.box_key, identity.box_secret
            )
            break
        except CryptoError:
            continue
    else:
        raise Refused("not_a_recipient")
    commitment = hmac256(key, b"coatcheck/v1 commit\0" + sealed["prefix"])
    require(hmac.compare_digest(commitment, sealed["commitment"]), "bad_commitment")
    box_key = hmac256(key, b"coatcheck/v1 seal\0" + sealed["prefix"])
    try:
        inner = bindings.crypto_secretbox_open(sealed["box"], bytes(24), box_key)
    except CryptoError:
        raise Refused("decrypt_failed") from None
    unpadded = unpad(inner)
    require(len(unpadded) >= 4, "truncated")
    length = int.from_bytes(unpadded[:4], "little")
    require(length <= max_plain, "manifest_too_large")
    return inflate(unpadded[4:], length, DICTIONARIES[sealed["dictionary"]])


def open_bundle(sealed, identity):
    manifest = decode_manifest(open_sealed(sealed, identity, 1048576))
    if sealed["kind"] == 0:
        require(sealed["signer"] == manifest["sign_key"], "bad_kind")
        require(not {"generation", "activation"} & set(dict(manifest["metadata"])), "bad_metadata")
    return manifest


def seal(plain, kind, signer, recipients, dictionary=1):
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15, zdict=DICTIONARIES[dictionary])
    compressed = compressor.compress(plain) + compressor.flush()
    inner = len(plain).to_bytes(4, "little") + compressed + b"\x80"
    inner += bytes(padded_length(len(inner)) - len(inner))
    key = os.urandom(32)
    ephemeral_secret = os.urandom(32)
    ephemeral = bindings.crypto_scalarmult_base(ephemeral_secret)
    header = bytes([0, kind, dictionary, len(recipients)])
    prefix = b"ccb\x01" + header + signer.sign_key + ephemeral
    slots = b""
    for recipient in recipients:
        nonce = hashlib.blake2b(ephemeral + recipient, digest_size=24).digest()
        slots += bindings.crypto_box(key, nonce, recipient, ephemeral_secret)
    box = bindings.crypto_secretbox(inner, bytes(24), hmac256(key, b"coatcheck/v1 seal\0" + prefix))
    unsigned = prefix + hmac256(key, b"coatcheck/v1 commit\0" + prefix) + slots + box
    return unsigned + signer.sign(signed_message(kind, unsigned))


# Manifest -----------------------------------------------------------------------------------

UNIT_NAME = r"[A-Za-z0-9:_.\\@-]{1,240}"
UNIT_TYPE = (
    r"(service|socket|target|timer|mount|automount|swap|path|slice|scope|device)"
)
UNIT = re.compile(rf"{UNIT_NAME}\.{UNIT_TYPE}")
LISTS = {
    "enable": UNIT,
    "disable": UNIT,
    "mask": UNIT,
    "alias": re.compile(rf"(?:user/)?{UNIT_NAME}\.{UNIT_TYPE}={UNIT_NAME}\.\1"),
    "wants": re.compile(
        rf"(?:user/)?{UNIT_NAME}\.{UNIT_TYPE}\.(?:wants|requires|upholds)/"
        rf"{UNIT_NAME}\.{UNIT_TYPE}"
    ),
}
LABEL = "[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"
VALUES = {
    "activation": re.compile(r"[A-Za-z0-9_-]{1,1024}"),
    "attestation": re.compile(r"[A-Za-z0-9_-]{1,4096}"),
    "baseline": re.compile(r"[0-9a-f]{64}"),
    "endorsement": re.compile(r"[A-Za-z0-9_-]{1,4096}"),
    "fresh": re.compile(r"[0-9a-f]{32}"),
    "generation": re.compile(r"[1-9][0-9]{0,4}"),
    "hostname": re.compile(rf"(?=.{{1,64}}\Z){LABEL}(\.{LABEL})*"),
    "image": re.compile(r"[ -~]{1,64}"),
    "keySource": re.compile(r"[a-z][a-z0-9-]{0,31}"),
    "madeAt": re.compile(r"0|[1-9][0-9]{0,11}"),
    "madeBy": re.compile(r"[ -~]{1,128}"),
    "paths": re.compile(r"[0-9a-f]{64}"),
    "pcrKey": re.compile(r"[0-9a-f]{16}"),
    "succeeds": re.compile(r"[A-Za-z0-9_-]{170}[AEIMQUYcgkosw048]"),
    "swap": re.compile(r"none|zram|disk:/dev/[A-Za-z0-9_.:/+-]{1,200}"),
    "timezone": re.compile(r"(?=.{1,64}\Z)[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*"),
}
NUMBER = re.compile(r"0|[1-9][0-9]*")
OWNER = re.compile(r"[A-Za-z_]([A-Za-z0-9_.-]{0,30}[A-Za-z0-9_.$-])?")


NAMES = """
    0020-007E 00C0-00D6 00D8-00F6 00F8-0131 0134-013E 0141-0148 014A-017E 0180-01BF 01CD-01F0
    01F4-024F 0386 0388-038A 038C 038E-03A1 03A3-03CE 0400-0481 048A-052F 0531-0556 0561-0586
    10D0-10FA 1E00-1E99 1E9E-1EFF 2019 3005-3007 3041-3096 30A1-30FA 30FC 3400-4DBF 4E00-4E3E
    4E40-9FFF AC00-D7A3
"""
NAME = re.compile(
    "[%s]+" % "".join(re.sub(r"[0-9A-F]{4}", r"\\u\g<0>", ends) for ends in NAMES.split())
)


def check_path(path):
    require(NAME.fullmatch(path) and len(path.encode()) <= 1024, "bad_path")
    for part in path.split("/"):
        require(1 <= len(part.encode()) <= 255 and part not in (".", ".."), "bad_path")
        require(not part.startswith(" ") and not part.endswith(" "), "bad_path")


def check_ascending(names):
    for before, after in zip(names, names[1:]):
        require(before != after, "duplicate")
        require(before.encode() < after.encode(), "unsorted")


def are_words(word, value):
    words = value.split(" ")
    return all(word.fullmatch(one) for one in words) and sorted(set(words)) == words


def check_metadata(name, value):
    if name.startswith("answer:"):
        good = (
            re.fullmatch(r"[a-z][a-z0-9_.-]{0,63}", name[7:])
            and len(value.encode()) <= 1024
            and not any(unicodedata.category(c) == "Cc" for c in value)
        )
    elif name.startswith("restart:"):
        check_path(name[8:])
        good = are_words(UNIT, value)
    elif name.startswith("left:"):
        check_path(name[5:])
        good = re.fullmatch(r"[0-9a-f]{8}", value)
    elif name in LISTS:
        good = are_words(LISTS[name], value)
    else:
        good = name in VALUES and VALUES[name].fullmatch(value)
        if good and name == "madeAt":
            good = int(value) <= MAX_TIME
        if good and name == "generation":
            good = int(value) <= 65535
    require(good, "bad_metadata")


def read_section(cursor):
    lines = []
    while line := cursor.line():
        lines.append(text_of(line, "bad_encoding"))
    return lines


def parse_attributes(line):
    words = line.split(" ")
    require(re.fullmatch(r"0|[1-7][0-7]{0,2}", words[0]), "bad_mode")
    require(len(words) == 5, "bad_owner")
    for name, number in (words[1:3], words[3:5]):
        require(OWNER.fullmatch(name) and NUMBER.fullmatch(number), "bad_owner")
        require(int(number) <= 0xFFFFFFFE, "bad_owner")
    return {
        "mode": int(words[0], 8),
        "owner": words[1],
        "uid": int(words[2]),
        "group": words[3],
        "gid": int(words[4]),
    }


def decode_manifest(data):
    require(len(data) <= 1048576, "manifest_too_large")
    cursor = Cursor(data)
    sign_key, box_key, base = cursor.take(32), cursor.take(32), cursor.take(32)
    check_sign_key(sign_key)
    check_box_key(box_key)
    metadata = []
    for line in read_section(cursor):
        require("\t" in line, "bad_metadata")
        metadata.append(tuple(line.split("\t", 1)))
    check_ascending([name for name, _ in metadata])
    for name, value in metadata:
        check_metadata(name, value)
    paths = read_section(cursor)
    require(len(paths) <= 1024, "too_many_files")
    attributes = [parse_attributes(line) for line in read_section(cursor)]
    sizes = read_section(cursor)
    require(all(NUMBER.fullmatch(size) for size in sizes), "non_canonical")
    require(len(attributes) == len(sizes) == len(paths), "non_canonical")
    contents = [cursor.take(int(size)) for size in sizes]
    cursor.end()
    for path in paths:
        check_path(path)
        parents = [path[:at] for at, char in enumerate(path) if char == "/"]
        require(not any(parent in paths for parent in parents), "bad_path")
    check_ascending(paths)
    files = [
        {"path": path, **attribute, "content": content}
        for path, attribute, content in zip(paths, attributes, contents)
    ]
    return {
        "sign_key": sign_key,
        "box_key": box_key,
        "base": base,
        "metadata": dict(metadata),
        "files": files,
    }


def encode_manifest(manifest):
    files = sorted(manifest["files"], key=lambda file: file["path"].encode())
    sections = [
        [f"{name}\t{value}" for name, value in sorted(manifest["metadata"].items())],
        [file["path"] for file in files],
        ["{mode:o} {owner} {uid} {group} {gid}".format(**file) for file in files],
        [str(len(file["content"])) for file in files],
    ]
    text = "".join("".join(line + "\n" for line in [*lines, ""]) for lines in sections)
    head = manifest["sign_key"] + manifest["box_key"] + manifest["base"]
    return head + text.encode() + b"".join(file["content"] for file in files)


# Report -------------------------------------------------------------------------------------


def open_report(sealed, identity):
    cursor = Cursor(open_sealed(sealed, identity, 4096))
    report = {
        "node": cursor.take(20),
        "site": cursor.take(16),
        "statement": cursor.take(32),
        "time": cursor.number(8),
    }
    result = cursor.take(cursor.number(2))
    attestation = None
    if cursor.at < len(cursor.data):
        attestation = cursor.take(cursor.number(2))
    cursor.end()
    report["result"] = text_of(result, "bad_encoding")
    require(len(result) <= 1024, "bad_field")
    require(attestation is None or 1 <= len(attestation) <= 2000, "bad_field")
    require(report["time"] <= MAX_TIME, "bad_time")
    return report


# Statements, keysets, chains, frames ----------------------------------------------------------

TYPES = ["approve", "reject", "reconfigure", "revoke", "rollback"]


def read_signatures(cursor):
    count = cursor.number(1)
    require(count <= 15, "too_many_signatures")
    signatures = []
    last = -1
    for _ in range(count):
        index = cursor.number(1)
        require(index < 15 or index == 255, "bad_key_index")
        require(index != last, "duplicate")
        require(index > last, "unsorted")
        last = index
        signature = cursor.take(64)
        signatures.append((index, signature, cursor.take(64) if index == 255 else b""))
    return signatures


def decode_statement(data):
    cursor = Cursor(data)
    cursor.magic(b"ccs")
    kind = cursor.number(1)
    require(kind < len(TYPES), "bad_type")
    statement = {
        "type": TYPES[kind],
        "version": cursor.number(4),
        "site": cursor.take(16),
        "node": cursor.take(20),
        "bundle": cursor.take(32),
        "prev": cursor.take(32),
        "seq": cursor.number(8),
        "issued": cursor.number(8),
        "expires": cursor.number(8),
    }
    reason = cursor.take(cursor.number(1))
    statement["reason"] = text_of(reason, "bad_reason")
    require(statement["site"] != bytes(16), "bad_site")
    require(statement["version"] >= 1, "bad_field")
    if statement["type"] != "reconfigure":
        is_revoke = statement["type"] == "revoke"
        require((statement["bundle"] == bytes(32)) == is_revoke, "bad_field")
    require(1 <= statement["seq"] < 2**53, "bad_sequence")
    require(statement["issued"] <= MAX_TIME and statement["expires"] <= MAX_TIME, "bad_time")
    require(len(reason) <= 200, "bad_reason")
    statement["message"] = b"coatcheck/v1 statement\0" + data[: cursor.at]
    statement["digest"] = sha256(statement["message"])
    statement["signatures"] = read_signatures(cursor)
    cursor.end()
    return statement


def encode_statement(statement, signer, key_index):
    reason = statement["reason"].encode()
    unsigned = (
        b"ccs\x01"
        + bytes([TYPES.index(statement["type"])])
        + statement["version"].to_bytes(4, "big")
        + statement["site"]
        + statement["node"]
        + statement["bundle"]
        + statement["prev"]
        + statement["seq"].to_bytes(8, "big")
        + statement["issued"].to_bytes(8, "big")
        + statement["expires"].to_bytes(8, "big")
        + bytes([len(reason)])
        + reason
    )
    signature = signer.sign(b"coatcheck/v1 statement\0" + unsigned)
    return unsigned + bytes([1, key_index]) + signature


def verify_keys(signatures, message, keys):
    for index, signature, _ in signatures:
        require(index < len(keys), "bad_key_index")
        verify(keys[index]["sign_key"], message, signature)


def verify_statement(statement, keyset, approval):
    require(statement["version"] == keyset["version"], "keyset_mismatch")
    require(statement["site"] == keyset["site"], "bad_site")
    signatures = statement["signatures"]
    for index, signature, keys in signatures:
        if index == 255:
            alone = approval == "none" and statement["type"] == "approve" and len(signatures) == 1
            require(alone, "self_signed_refused")
            require(sha256(keys)[:20] == statement["node"], "bad_node_id")
            return verify(keys[:32], statement["message"], signature)
    verify_keys(signatures, statement["message"], keyset["keys"])
    is_first = (
        statement["type"] == "approve" and statement["seq"] == 1 and statement["prev"] == bytes(32)
    )
    uses_first = any(keyset["keys"][index]["may"] == 1 for index, _, _ in signatures)
    require(is_first or not uses_first, "key_not_allowed")
    require(len(signatures) >= keyset["threshold"], "threshold_not_met")


def read_keyset(cursor):
    start = cursor.at
    cursor.magic(b"cck")
    keyset = {
        "site": cursor.take(16),
        "version": cursor.number(4),
        "previous": cursor.take(32),
        "threshold": cursor.number(1),
        "keys": [],
    }
    count = cursor.number(1)
    require(1 <= count <= 15, "bad_key_count")
    for _ in range(count):
        key = {
            "sign_key": cursor.take(32),
            "box_key": cursor.take(32),
            "may": cursor.number(1),
        }
        require(key["may"] <= 1, "bad_field")
        key["name"] = cursor.take(cursor.number(1))
        keyset["keys"].append(key)
    require(keyset["site"] != bytes(16), "bad_site")
    require(keyset["version"] >= 1, "bad_field")
    require((keyset["previous"] == bytes(32)) == (keyset["version"] == 1), "bad_field")
    may_all = sum(key["may"] == 0 for key in keyset["keys"])
    require(1 <= keyset["threshold"] <= may_all, "bad_threshold")
    for key in keyset["keys"]:
        check_sign_key(key["sign_key"])
        check_box_key(key["box_key"])
        require(re.fullmatch(rb"[!-~]([ -~]{0,30}[!-~])?", key["name"]), "bad_name")
    for field in ("sign_key", "box_key", "name"):
        values = {key[field] for key in keyset["keys"]}
        require(len(values) == len(keyset["keys"]), "duplicate")
    keyset["message"] = b"coatcheck/v1 keyset\0" + cursor.data[start : cursor.at]
    keyset["digest"] = sha256(keyset["message"])
    keyset["signatures"] = read_signatures(cursor)
    require(all(index != 255 for index, _, _ in keyset["signatures"]), "bad_key_index")
    require(keyset["version"] > 1 or not keyset["signatures"], "bad_field")
    return keyset


def decode_keyset(data):
    cursor = Cursor(data)
    keyset = read_keyset(cursor)
    cursor.end()
    return keyset


def decode_capability(data):
    cursor = Cursor(data)
    cursor.magic(b"ccc")
    capability = {
        "site": cursor.take(16),
        "keyset": cursor.take(32),
        "sign_key": cursor.take(32),
        "issued": cursor.number(8),
        "expires": cursor.number(8),
    }
    name = cursor.take(cursor.number(1))
    check_sign_key(capability["sign_key"])
    require(capability["expires"] <= MAX_TIME, "bad_time")
    require(0 < capability["expires"] - capability["issued"] <= 400 * 86400, "bad_time")
    require(re.fullmatch(rb"[!-~]([ -~]{0,30}[!-~])?", name), "bad_name")
    capability["message"] = b"coatcheck/v1 capability\0" + data[: cursor.at]
    capability["signatures"] = read_signatures(cursor)
    require(all(index != 255 for index, _, _ in capability["signatures"]), "bad_key_index")
    cursor.end()
    return capability


def verify_capability(capability, newest):
    require(capability["site"] == newest["site"], "bad_site")
    require(capability["keyset"] == newest["digest"], "keyset_mismatch")
    signatures = capability["signatures"]
    verify_keys(signatures, capability["message"], newest["keys"])
    uses_first = any(newest["keys"][index]["may"] == 1 for index, _, _ in signatures)
    require(not uses_first, "key_not_allowed")
    require(len(signatures) >= newest["threshold"], "threshold_not_met")


def decode_chain(data):
    cursor = Cursor(data)
    chain = [read_keyset(cursor)]
    while cursor.at < len(data):
        chain.append(read_keyset(cursor))
    return chain


def verify_chain(chain, pinned):
    names = [(keyset["version"], keyset["digest"]) for keyset in chain]
    require(all(keyset["site"] == pinned["site"] for keyset in chain), "bad_site")
    for before, keyset in zip(chain, chain[1:]):
        require(keyset["version"] == before["version"] + 1, "bad_chain")
        require(keyset["previous"] == before["digest"], "bad_chain")
    require((pinned["version"], pinned["digest"]) in names, "not_pinned")
    for before, keyset in zip(chain, chain[1:]):
        verify_keys(keyset["signatures"], keyset["message"], before["keys"])
        signers = [before["keys"][index] for index, _, _ in keyset["signatures"]]
        require(all(key["may"] == 0 for key in signers), "key_not_allowed")
        require(len(signers) >= before["threshold"], "threshold_not_met")
    return chain[-1]


def verify_frame(data, pinned, approval, max_bytes):
    require(len(data) <= max_bytes, "too_large")
    cursor = Cursor(data)
    cursor.magic(b"ccf")
    chain_bytes = cursor.number(4)
    require(chain_bytes <= 131072, "chain_too_large")
    chain = decode_chain(cursor.take(chain_bytes))
    statement = decode_statement(cursor.take(cursor.number(2)))
    bundle = cursor.rest()
    verify_statement(statement, verify_chain(chain, pinned), approval)
    if bundle:
        require(sha256(bundle) == statement["bundle"], "digest_mismatch")
        read_sealed(bundle, 1048576, "proposal")
    return statement
