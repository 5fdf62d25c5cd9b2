"""Changes and uploads of the emulated 115, and its second cipher (wire 115 §7, §8, §11.3)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import struct
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tests.emulators.messages import Request
from tests.emulators.p115 import ec115
from tests.emulators.p115.upload_api import USER_KEY
from tests.emulators.p115_asker import Asker, open_answer, seal_request

FIXED = "HQMOgKF43O7OzaN33hKNAHMAAAAA8VNljtndz1WuYe1G6hIaHPyBAAEAAACWHoRq"
RENAME = "webapi.115.com/files/batch_rename"


@pytest.fixture
def asker(tmp_path):
    """Signed in, over two folders and three files."""
    root = tmp_path / "served"
    (root / "甲/inner").mkdir(parents=True)
    (root / "乙").mkdir()
    (root / "甲/a.tmp").write_text("a")
    (root / "甲/b.txt").write_text("b")
    (root / "bare").write_text("c")
    return Asker(root)


def number(asker, path):
    """The id of a path."""
    return str(asker.site.tree.find(path).id)


def names(asker, path):
    """The names in a folder, in order."""
    return [entry["n"] for entry in asker.files(number(asker, path) if path else 0)["data"]]


def renamed(asker, path, name):
    """What `batch_rename` says."""
    return asker.post(RENAME, **{f"files_new_name[{number(asker, path)}]": name})


@pytest.mark.parametrize(
    ("path", "wished", "got"),
    [
        ("甲/a.tmp", "a.txt", None),
        ("甲/a.tmp", "c.txt", "c.tmp"),
        ("甲/a.tmp", "c", "c.tmp"),
        ("甲/a.tmp", "a.tmp", None),
        ("甲/a.tmp", "b.x", "b.tmp"),
        ("bare", "bar.ext", "bar."),
        ("bare", "甲", "甲(1)"),
        ("甲", "any.thing", "any.thing"),
    ],
)
def test_a_file_keeps_its_extension(asker, path, wished, got):
    """The call succeeds whatever came of it; `data` is [] when nothing did (§0.5, §7)."""
    key = number(asker, path)
    answer = renamed(asker, path, wished)
    assert answer["state"] is True
    assert answer["data"] == ({key: got} if got else [])


def test_a_taken_name_gets_a_number(asker):
    """Renaming never replaces."""
    asker.site.control("add", {"path": "甲", "name": "c.tmp", "content": ""})
    assert list(renamed(asker, "甲/a.tmp", "c.tmp")["data"].values()) == ["c(1).tmp"]
    assert names(asker, "甲") == ["inner", "b.txt", "c(1).tmp", "c.tmp"]


@pytest.mark.parametrize(("name", "errno"), [("", 20001), ("n" * 256, 20002), ('a"b', 20003)])
def test_names_that_cannot_be(asker, name, errno):
    """Of a new folder as of a renamed one."""
    assert asker.post("webapi.115.com/files/add", pid=0, cname=name)["errno"] == errno
    assert renamed(asker, "乙", name)["errno"] == errno


def test_a_folder_is_made_once(asker):
    """20004 the second time; a file of the name does not matter; no parent is 20009."""
    place = "webapi.115.com/files/add"
    made = asker.post(place, pid=0, cname="bare")
    assert (made["state"], made["errno"], made["cid"]) == (True, "", made["file_id"])
    assert names(asker, "").count("bare") == 2
    assert asker.post(place, pid=0, cname="bare")["errno"] == 20004
    assert asker.post(place, pid=1, cname="x")["errno"] == 20009


def test_moving_and_copying(asker):
    """Several at once; never into itself; a folder that is none swallows what is moved there."""
    move, copy = "webapi.115.com/files/move", "webapi.115.com/files/copy"
    files = {"fid[0]": number(asker, "甲/a.tmp"), "fid[1]": number(asker, "甲/b.txt")}
    assert asker.post(move, pid=number(asker, "乙"), **files)["errno"] == ""
    assert names(asker, "乙") == ["a.tmp", "b.txt"]
    assert asker.post(copy, pid=0, fid=number(asker, "乙"))["state"] is True
    assert names(asker, "").count("乙") == 2
    inner = number(asker, "甲/inner")
    assert asker.post(move, pid=inner, fid=number(asker, "甲"))["errno"] == 91002
    assert asker.post(copy, pid=inner, fid=number(asker, "甲"))["errno"] == 800006
    assert asker.post(move, pid=1, fid=number(asker, "bare"))["state"] is True
    assert "bare" not in names(asker, "")


def test_the_bin_gives_back(asker):
    """Latest first; what comes back lies where it was."""
    delete = "webapi.115.com/rb/delete"
    asker.post(delete, **{"fid[0]": number(asker, "甲/a.tmp")})
    asker.site.clock.jump(5)
    asker.post(delete, **{"fid[]": number(asker, "甲")})
    entries = asker.get("webapi.115.com/rb", aid=7, cid=0, limit=30)
    assert [entry["file_name"] for entry in entries["data"]] == ["甲", "a.tmp"]
    assert entries["count"] == "2"
    for entry in entries["data"]:
        asker.post("webapi.115.com/rb/revert", **{"rid[0]": entry["id"]})
    assert names(asker, "甲") == ["inner", "a.tmp", "b.txt"]


def test_the_bin_is_emptied_with_a_key(asker):
    """320001 for another; nothing named is all."""
    asker.post("webapi.115.com/rb/delete", fid=number(asker, "甲"))
    assert asker.post("webapi.115.com/rb/secret_del", password="1")["errno"] == 320001
    assert asker.post("webapi.115.com/rb/clean", password="000000")["state"] is True
    assert asker.get("webapi.115.com/rb")["data"] == []


def test_a_delete_can_take_its_time(asker):
    """The next change is 990009 until it ended (§7)."""
    asker.site.settings.switch("deletes-take-time", on=True)
    asker.post("webapi.115.com/rb/delete", fid=number(asker, "甲"))
    wish = {"pid": 0, "fid": number(asker, "bare")}
    assert asker.post("webapi.115.com/files/move", **wish)["errno"] == 990009
    asker.site.clock.jump(6)
    assert asker.post("webapi.115.com/files/move", **wish)["state"] is True


def test_a_delete_can_want_to_be_confirmed(asker):
    """800007, and the same call once more does it (§2.2)."""
    asker.site.settings.switch("delete-asks", on=True)
    wish = {"fid": number(asker, "bare")}
    assert asker.post("webapi.115.com/rb/delete", **wish)["errno"] == 800007
    assert asker.post("webapi.115.com/rb/delete", **wish)["state"] is True


def test_forms_may_be_multipart(asker):
    """The same endpoints take both (§2)."""
    part = '--x\r\ncontent-disposition: form-data; name="{}"\r\n\r\n{}\r\n'
    text = part.format("pid", "0") + part.format("cname", "新") + "--x--\r\n"
    kind = "multipart/form-data; boundary=x"
    headers = {"content-type": kind, "cookie": asker.cookie, "user-agent": "x"}
    target = "/webapi.115.com/files/add"
    response = asker.site.answer(Request.parse("POST", target, headers, text.encode()))
    assert json.loads(response.segments[0])["cname"] == "新"


def begun(asker, *, content, sign_key="", sign_val="", **changes):
    """The opened answer of `initupload.php` to a well signed form."""
    form = {
        "appid": "0",
        "appversion": "36.2.28",
        "userid": "100000001",
        "filename": "up.bin",
        "filesize": str(len(content)),
        "fileid": hashlib.sha1(content).hexdigest().upper(),
        "target": "U_1_0",
        "t": "1700000000",
        "sign_key": sign_key,
        "sign_val": sign_val,
    } | changes
    inner = f"{form['userid']}{form['fileid']}{form['target']}0"
    outer = f"{USER_KEY}{hashlib.sha1(inner.encode()).hexdigest()}000000"
    form["sig"] = hashlib.sha1(outer.encode()).hexdigest().upper()
    parts = ("fileid", "filesize", "sign_key", "sign_val", "userid", "t")
    user = hashlib.md5(form["userid"].encode()).hexdigest()
    token = f"Qclm8MGWUv59TnrR0XPg{''.join(form[part] for part in parts)}{user}{form['appversion']}"
    form["token"] = hashlib.md5(token.encode()).hexdigest()
    return sealed(asker, "uplb.115.com/4.0/initupload.php", urlencode(form).encode())


def sealed(asker, place, plain):
    """The opened answer to a request under the fixed pair."""
    key, iv = ec115._FIXED_KEY, ec115._FIXED_IV
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    body = encryptor.update(plain + bytes(-len(plain) % 16)) + encryptor.finalize()
    headers = {"cookie": asker.cookie, "user-agent": "x"}
    query = urlencode({"k_ec": FIXED})
    response = asker.site.answer(Request.parse("POST", f"/{place}?{query}", headers, body))
    return json.loads(unsealed(response.segments[0], key, iv))


def unsealed(body, key, iv):
    """Read an answer as a client does."""
    decryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
    packed, tail = decryptor.update(body[:-12]) + decryptor.finalize(), body[-12:]
    (left,) = struct.unpack("<I", bytes(byte ^ tail[7] for byte in tail[:4]))
    plain = b""
    while left:
        (size,) = struct.unpack("<H", packed[:2])
        block, packed = packed[2 : 2 + size], packed[2 + size :]
        count, at = block[0] >> 4, 1
        if count == 15:
            while True:
                count, at = count + block[at], at + 1
                if block[at - 1] != 255:
                    break
        plain += block[at : at + count]
        left -= count
    return plain


def test_the_second_cipher_keeps_the_vectors():
    """The token of the fixed pair, its body, and the secret that a test key gives (§11.2)."""
    channel = ec115.channel_of(FIXED)
    cipher = "f137394b62cb985919cb7ee57d68b2e7e4c0ab4f726bcdebabb9b8840b4c126a"
    assert channel.open(bytes.fromhex(cipher)) == b"fileid=ABC&filesize=1&"
    assert channel.open(bytes.fromhex("9ffc4333351194126766d96259fba76a")) == b"0123456789abcdef"
    assert ec115.PUBLIC.hex().startswith("a0f121c93b832f716f048e4b62eba2967408d5123cb445ac")
    private = ec.derive_private_key(0x115115115, ec.SECP224R1())
    numbers = private.public_key().public_numbers()
    public = bytes([0x1D, 2 + numbers.y % 2]) + numbers.x.to_bytes(28, "big")
    masked = bytes(byte ^ 7 for byte in public[:15] + bytes([0, 0x73, 0, 0, 0]) + bytes(4))
    masked += bytes(byte ^ 9 for byte in public[15:] + bytes([0, 1, 0, 0, 0]))
    total = struct.pack("<I", binascii.crc32(ec115._SALT + masked))
    shared = ec115.channel_of(base64.b64encode(masked + total).decode())
    secret = bytes.fromhex("b21f359659aa90fe67fa2618beefeff2bdcfd41d2b0e2b76d9d23c94")
    assert (shared.key, shared.iv) == (secret[:16], secret[-16:])


@pytest.mark.parametrize("size", [0, 1, 14, 15, 16, 269, 270, 271, 8192, 8193, 20000])
def test_sealed_answers_can_be_opened_whatever_their_length(size):
    """Chunks of 8192, lengths of literals in steps of 255."""
    channel, plain = ec115.channel_of(FIXED), bytes(number % 251 for number in range(size))
    assert unsealed(channel.seal(plain), channel.key, channel.iv) == plain


@pytest.mark.parametrize("token", ["?", "QUJD", FIXED[:-4] + "AAAA"])
def test_a_bad_token_is_refused(asker, token):
    """No base64, too short, a wrong sum."""
    query = urlencode({"k_ec": token})
    assert asker.post(f"uplb.115.com/4.0/initupload.php?{query}")["errno"] == 990002


def test_the_desktops_link_is_sealed_twice(asker):
    """And no pickcode of it may begin with f (§5.1)."""
    place = "proapi.115.com/os_windows/2.0/ufile/downurl"
    for path, state in (("bare", True), ("甲", False)):
        wish = json.dumps({"pickcode": asker.pickcode(path)}).encode()
        answer = sealed(asker, place, urlencode({"data": seal_request(wish)}).encode() + b"&")
        assert answer["state"] is state
        if state:
            (item,) = json.loads(open_answer(answer["data"])).values()
            assert "&f=1&" in item["url"]["url"]


def test_known_content_is_not_sent_again(asker):
    """Status 2, and it lies in the drive; unknown content is status 1 (§8.2)."""
    done = begun(asker, content=b"c")
    assert (done["status"], done["fileid"]) == (2, 0)
    assert asker.site.tree.find("up.bin").pickcode == done["pickcode"]
    unknown = begun(asker, content=b"unknown")
    assert (unknown["status"], unknown["bucket"]) == (1, "fhnfile")
    assert json.loads(unknown["callback"]["callback_var"])["x:target"] == "U_1_0"


def test_large_content_must_be_proved(asker):
    """A range of it, named in the answer, both ends included."""
    content = bytes(number % 253 for number in range(1_100_000))
    asker.site.tree.make(asker.site.tree.root, "large", 0, content)
    challenge = begun(asker, content=content)
    assert (challenge["status"], challenge["statuscode"]) == (7, 701)
    first, last = (int(part) for part in challenge["sign_check"].split("-"))
    wrong = begun(asker, content=content, sign_key=challenge["sign_key"], sign_val="0" * 40)
    assert wrong["status"] == 7
    proof = hashlib.sha1(content[first : last + 1]).hexdigest().upper()
    done = begun(asker, content=content, sign_key=challenge["sign_key"], sign_val=proof)
    assert done["status"] == 2


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"target": "U_1_5"}, 402),
        ({"userid": "5"}, 402),
        ({"appversion": "1.0.0"}, 403),
    ],
)
def test_an_upload_is_refused(asker, changes, code):
    """Status 4 with a code for each reason."""
    answer = begun(asker, content=b"c", **changes)
    assert (answer["status"], answer["statuscode"]) == (4, code)


def test_a_wrong_signature_is_refused(asker):
    """400; and nothing at all without cookies."""
    answer = sealed(asker, "uplb.115.com/4.0/initupload.php", b"fileid=A&sig=B")
    assert (answer["status"], answer["statuscode"]) == (4, 400)
    asker.cookie = None
    assert asker.get("proapi.115.com/app/uploadinfo")["errno"] == 99
    token = asker.get("uplb.115.com/3.0/gettoken.php")
    assert token["StatusCode"] == "200"
