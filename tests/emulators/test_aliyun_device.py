"""Device sessions and signatures of the Aliyundrive emulator, held to the vectors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.emulators.aliyun import secp256k1
from tests.emulators.aliyun.device import APP_ID, message
from tests.emulators.aliyun_asker import Asker

VECTORS = json.loads(
    (Path(__file__).parents[1] / "drivers/aliyundrive/vectors.json").read_text(encoding="utf-8")
)["signature"]
CREATE = "/users/v1/users/device/create_session"
RENEW = "/users/v1/users/device/renew_session"
# Highest s that is still low, and so the only one of a signature's two.
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_named = pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])


class Device(Asker):
    """A device of a user, both as a vector has them."""

    def __init__(self, root, vector, check):
        super().__init__("aliyundrive", root, "--signature-check", check)
        owner = self.site.owner
        owner.user_id = vector["user_id"]
        token = self.site.tokens.issue(owner, "web")["access_token"]
        self.key = vector["pub_key_uncompressed"]
        self.headers = {
            "authorization": f"Bearer {token}",
            "x-device-id": vector["device_id"],
            "x-signature": vector["x_signature"],
        }

    def look(self):
        """Status of a signed call, and its code."""
        body = {"drive_id": "1001", "parent_file_id": "root"}
        status, value = self.post("/adrive/v3/file/list", body)
        return status, value.get("code")


@_named
def test_the_vectors_verify(vector):
    """Message, key and signature belong together; with any bit changed they do not."""
    signed = message(vector["device_id"], vector["user_id"], vector["nonce"])
    assert signed.decode() == vector["message"]
    assert vector["app_id"] == APP_ID
    public = secp256k1.public_key(vector["pub_key_uncompressed"])
    signature = bytes.fromhex(vector["x_signature"])
    assert secp256k1.verifies(public, signed, signature)
    assert not secp256k1.verifies(public, signed + b"0", signature)
    assert not secp256k1.verifies(public, signed, signature[:64] + bytes([signature[64] ^ 1]))
    high = ORDER - int.from_bytes(signature[32:64], "big")
    mirrored = signature[:32] + high.to_bytes(32, "big") + bytes([signature[64] ^ 1])
    assert not secp256k1.verifies(public, signed, mirrored)


def test_a_key_is_taken_in_three_forms():
    """With 04, without, and the malformed one with a compressed point behind 04."""
    text = VECTORS[0]["pub_key_uncompressed"]
    point = secp256k1.public_key(text)
    assert secp256k1.public_key(text[2:]) == point
    compressed = f"040{2 + (point[1] & 1)}{text[2:66]}"
    assert secp256k1.public_key(compressed) == point
    for wrong in ("", "04", text[:-2] + "00", "zz"):
        with pytest.raises(ValueError, match=r"."):
            secp256k1.public_key(wrong)


@_named
def test_strict_takes_what_is_signed_right_only(tmp_path, vector):
    """The first session is of nonce 0; a renewal counts one on."""
    device = Device(tmp_path, vector, "strict")
    assert device.look() == (400, "DeviceSessionSignatureInvalid")
    if vector["nonce"]:
        refused = device.code(CREATE, {"pubKey": device.key})
        assert refused == (400, "DeviceSessionSignatureInvalid")
        return
    assert device.ok(CREATE, {"pubKey": device.key})["result"] is True
    assert device.look() == (200, None)
    signature = device.headers["x-signature"]
    device.headers["x-signature"] = signature[:-1] + str(1 - int(signature[-1]))
    assert device.look() == (400, "DeviceSessionSignatureInvalid")


def test_strict_renewal_wants_the_next_nonce(tmp_path):
    """V2 and V3 are one device with nonces 0 and 1."""
    zero, one = VECTORS[1], VECTORS[2]
    device = Device(tmp_path, zero, "strict")
    device.ok(CREATE, {"pubKey": device.key})
    assert device.code(RENEW)[1] == "DeviceSessionSignatureInvalid"
    device.headers["x-signature"] = one["x_signature"]
    assert device.ok(RENEW)["success"] is True
    assert device.look() == (200, None)


def test_shape_takes_any_130_digits_of_a_known_device(tmp_path):
    """Off takes anything; an empty device id is another error than an unknown one."""
    device = Device(tmp_path, VECTORS[0], "shape")
    device.headers["x-signature"] = "0" * 130
    assert device.look() == (400, "DeviceSessionSignatureInvalid")
    device.ok(CREATE, {"pubKey": "04"})
    assert device.look() == (200, None)
    device.headers["x-signature"] = "0" * 129
    assert device.look() == (400, "DeviceSessionSignatureInvalid")
    device.headers["x-device-id"] = ""
    assert device.look() == (403, "UserDeviceIllegality")
    device.site.settings.signature_check = "off"
    assert device.look() == (200, None)


def test_sessions_are_lost_and_pushed_out(tmp_path):
    """Both end with another create_session, and each has its own code."""
    device = Device(tmp_path, VECTORS[0], "shape")
    device.ok(CREATE, {"pubKey": device.key})
    device.site.control("devices", {"do": "push_out"})
    assert device.look() == (401, "UserDeviceOffline")
    device.ok(CREATE, {"pubKey": device.key})
    assert device.look() == (200, None)
    device.site.control("devices", {"do": "drop"})
    assert device.look() == (400, "DeviceSessionSignatureInvalid")
    status, value = device.post(RENEW)
    assert status == 400
    assert "not found device info" in value["message"]


def test_an_account_has_ten_devices(tmp_path):
    """The eleventh is told so; an old one may go."""
    device = Device(tmp_path, VECTORS[0], "shape")
    for number in range(10):
        assert device.ok(CREATE, {"pubKey": "04"}, x_device_id=f"d{number}")["result"] is True
    assert device.ok(CREATE, {"pubKey": "04"}, x_device_id="late")["result"] is False
    devices = device.ok("/users/v2/users/device_list")["result"]["devices"]
    assert [one["deviceId"] for one in devices] == [f"d{number}" for number in range(10)]
    device.ok("/users/v1/users/device_logout", x_device_id="d3")
    assert device.ok(CREATE, {"pubKey": "04"}, x_device_id="late")["result"] is True
