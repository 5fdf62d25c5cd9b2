"""Device sessions and the signature that goes with calls for links and listings.

Source: Aliyundrive §4. Nobody knows how strict the service is (§4.5), so the check has three
degrees: "off", "shape" (130 hex digits, a session for this device) and "strict".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.emulators.aliyun import secp256k1
from tests.emulators.pds.errors import Refused, respond

if TYPE_CHECKING:
    from tests.emulators.messages import Response
    from tests.emulators.pds.routes import Call
    from tests.emulators.pds.settings import Settings

APP_ID = "5dde4e1bdf9e4966b387ba58f4b3fdc3"
_SIGNATURE = re.compile(r"[0-9a-f]{130}")
_MOST_DEVICES = 10
_LAST_NONCE = 2147483647


@dataclass(slots=True, kw_only=True)
class _Device:
    public: secp256k1.Point | None
    signature: str
    name: str
    model: str
    nonce: int = 0


class Devices:
    """The device sessions of all users: `(user_id, device_id)` to what was registered."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._devices: dict[tuple[str, str], _Device] = {}
        self._offline: set[tuple[str, str]] = set()

    def check(self, call: Call) -> None:
        """Raise Refused unless the call comes from a device with a session (§4.4)."""
        if self._settings.signature_check == "off":
            return
        key = self._key(call)
        if key in self._offline:
            raise Refused("UserDeviceOffline")
        device = self._devices.get(key)
        signature = call.request.headers.get("x-signature", "")
        if device is None or _SIGNATURE.fullmatch(signature) is None:
            raise Refused("DeviceSessionSignatureInvalid")
        if self._settings.signature_check == "strict" and not _good(
            call, device.public, device.nonce, signature
        ):
            raise Refused("DeviceSessionSignatureInvalid")

    def create(self, call: Call) -> Response:
        """Register the device; the headers of this very request count (§4.2)."""
        key = self._key(call)
        signature = call.request.headers.get("x-signature", "")
        strict = self._settings.signature_check == "strict"
        try:
            public = secp256k1.public_key(str(call.body.get("pubKey", "")))
        except ValueError:
            public = None
        if self._settings.signature_check != "off" and _SIGNATURE.fullmatch(signature) is None:
            raise Refused("DeviceSessionSignatureInvalid")
        if strict and (public is None or not _good(call, public, 0, signature)):
            raise Refused("DeviceSessionSignatureInvalid")
        mine = [one for one in self._devices if one[0] == key[0] and one != key]
        if len(mine) >= _MOST_DEVICES or self._settings.on("too-many-devices"):
            return _answer(result=False)
        self._offline.discard(key)
        self._devices[key] = _Device(
            public=public,
            signature=signature,
            name=str(call.body.get("deviceName", "")),
            model=str(call.body.get("modelName", "")),
        )
        return _answer(result=True)

    def renew(self, call: Call) -> Response:
        """Count the nonce on; the new signature comes with this request (§4.3)."""
        device = self._devices.get(self._key(call))
        if device is None:
            raise Refused("DeviceSessionSignatureInvalid", "not found device info")
        nonce = device.nonce + 1 if device.nonce < _LAST_NONCE else 0
        signature = call.request.headers.get("x-signature", "")
        if self._settings.signature_check == "strict" and not _good(
            call, device.public, nonce, signature
        ):
            raise Refused("DeviceSessionSignatureInvalid")
        device.nonce, device.signature = nonce, signature
        return _answer(result=True)

    def logout(self, call: Call) -> Response:
        """End the session of the calling device."""
        self._devices.pop(self._key(call), None)
        return _answer(result=True)

    def listed(self, call: Call) -> Response:
        """The caller's devices."""
        user_id = call.member.user.user_id
        devices = [
            {
                "deviceId": device_id,
                "deviceName": device.name,
                "modelName": device.model,
                "city": "",
                "login_time": "",
            }
            for (owner, device_id), device in self._devices.items()
            if owner == user_id
        ]
        return respond({"result": {"devices": devices}})

    def drop(self) -> None:
        """Forget every session, as the service does now and then."""
        self._devices.clear()

    def push_out(self) -> None:
        """Let every device with a session count as pushed out by another one."""
        self._offline |= self._devices.keys()

    def _key(self, call: Call) -> tuple[str, str]:
        device_id = call.request.headers.get("x-device-id", "")
        if not device_id:
            raise Refused("UserDeviceIllegality")
        return call.member.user.user_id, device_id


def message(device_id: str, user_id: str, nonce: int) -> bytes:
    """What is signed (§4.1)."""
    return f"{APP_ID}:{device_id}:{user_id}:{nonce}".encode()


def _good(call: Call, public: secp256k1.Point | None, nonce: int, signature: str) -> bool:
    if public is None or _SIGNATURE.fullmatch(signature) is None:
        return False
    signed = message(call.request.headers["x-device-id"], call.member.user.user_id, nonce)
    return secp256k1.verifies(public, signed, bytes.fromhex(signature))


def _answer(**values: Any) -> Response:
    return respond({"success": True, "code": None, "message": None} | values)
