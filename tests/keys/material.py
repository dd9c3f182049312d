"""Keys of the right form that unlock nothing."""

from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256
from typing import Any

from keys.forms import PublicKey, SignedPublicKey


def text(name: object) -> str:
    """The base64 of 32 bytes, the same ones for the same name."""
    return b64encode(sha256(str(name).encode()).digest()).decode()


def one_time(*ids: int, of: str = "phone") -> list[PublicKey]:
    """Keys with these ids."""
    return [PublicKey(key_id=number, public_key=text(f"{of} {number}")) for number in ids]


def signed(key_id: int = 1) -> SignedPublicKey:
    """A signed prekey."""
    return SignedPublicKey(key_id=key_id, public_key=text(f"signed {key_id}"), signature=text(f"signature {key_id}"))


def device(identity: str = "me", *, ids: Iterable[int] = (1, 2, 3), of: str = "phone") -> dict[str, Any]:
    """What `put_device` takes."""
    return {
        "identity_key": text(identity),
        "signed_pre_key": signed(),
        "one_time_keys": one_time(*ids, of=of),
    }


def body(identity: str = "me", *, ids: Iterable[int] = (1, 2, 3), of: str = "phone") -> dict[str, Any]:
    """The same as REST takes it."""
    return {
        "identityKey": text(identity),
        "signedPreKey": {"keyId": 1, "publicKey": text("signed 1"), "signature": text("signature 1")},
        "oneTimeKeys": [{"keyId": number, "publicKey": text(f"{of} {number}")} for number in ids],
    }
