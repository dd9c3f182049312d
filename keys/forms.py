"""The form of what devices upload: all that the server can judge of a key."""

import re
from base64 import b64decode, b64encode
from collections.abc import Sequence
from hashlib import sha256
from typing import TypedDict

from django.conf import settings
from django.core.exceptions import ValidationError

DEVICE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
MAX_KEY_ID = 2**31 - 1  # what a column holds on every database


class PublicKey(TypedDict):
    """A key under the number by which its device finds the private half."""

    key_id: int
    public_key: str


class SignedPublicKey(PublicKey):
    """The same, with a signature by the device's identity key."""

    signature: str


def check_device_id(device_id: str) -> None:
    """ValidationError unless it can be a name of a device."""
    if not DEVICE_ID.fullmatch(device_id):
        raise ValidationError({"device_id": "A device's id is 1 to 64 of A-Z a-z 0-9 . _ : - and begins with no sign."})


def check_base64(field: str, value: str) -> bytes:
    """What the text stands for; ValidationError unless it is base64 of an allowed length.

    One spelling a key: with two, the same key could be handed out twice.
    """
    try:
        content = b64decode(value, validate=True)
    except ValueError as error:  # a letter beyond ASCII is one, too
        raise ValidationError({field: "A key is base64 with its padding (RFC 4648, section 4)."}) from error
    if b64encode(content).decode() != value:
        raise ValidationError({field: "A key is base64 in its one canonical spelling."})
    if not 1 <= len(content) <= settings.KEYS_MAX_KEY_BYTES:
        raise ValidationError({field: f"A key has 1 to {settings.KEYS_MAX_KEY_BYTES} bytes."})
    return content


def check_signed(key: SignedPublicKey) -> None:
    """ValidationError unless the signed prekey has its form; whether the signature is right, others find out."""
    _check_id("signed_pre_key", key)
    check_base64("signed_pre_key", key["public_key"])
    check_base64("signed_pre_key", key["signature"])


def fingerprints(keys: Sequence[PublicKey]) -> dict[str, PublicKey]:
    """One-time keys by their fingerprints; ValidationError for a wrong form, or for one that is there twice."""
    if len(keys) > settings.KEYS_MAX_ONE_TIME:
        raise too_many()
    found: dict[str, PublicKey] = {}
    for key in keys:
        _check_id("one_time_keys", key)
        found[sha256(check_base64("one_time_keys", key["public_key"])).hexdigest()] = key
    if len(found) < len(keys) or len({key["key_id"] for key in keys}) < len(keys):
        raise ValidationError({"one_time_keys": "A key, or an id, is there twice."})
    return found


def too_many() -> ValidationError:
    """What a device hears that leaves too many keys here."""
    limit = settings.KEYS_MAX_ONE_TIME
    return ValidationError({"one_time_keys": f"At most {limit} one-time keys of a device can wait here."})


def _check_id(field: str, key: PublicKey) -> None:
    if not 0 <= key["key_id"] <= MAX_KEY_ID:
        raise ValidationError({field: f"A key's id is a number from 0 to {MAX_KEY_ID}."})
