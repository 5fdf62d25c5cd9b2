"""Which own drive a share may be read through: one that can save, of the same site."""

from __future__ import annotations

from pathlib import Path

import pytest

from fsmount.config import parse_config
from fsmount.errors import UsageError
from fsmount.source import configured, resolve

CONFIG = parse_config(
    """
[remotes.own]
driver = "aliyundrive"
[remotes.open]
driver = "aliyundrive_open"
client_id = "app"
[remotes.other]
driver = "aliyundrive"
hosts = "https://gateway.example/{host}"
[remotes.site]
driver = "cloudreve"
address = "https://cloud.example.com"
[remotes.films]
driver = "aliyundrive_share"
share = "JuRzzkQVF1z"
via = "own"
""",
    Path("config.toml"),
)
LINK = "https://www.alipan.com/s/JuRzzkQVF1z"


async def pasted(**overrides):
    """Return what a pasted link means with ``overrides``."""
    return await resolve(LINK, CONFIG, overrides, send=None, detections=None)


async def test_a_pasted_share_takes_an_own_drive_by_its_name():
    """Of the configuration; the share stays what it is."""
    source = await pasted(via="own")
    assert source.driver == "aliyundrive_share"
    assert source.via is not None
    assert (source.via.name, source.via.driver) == ("own", "aliyundrive")
    assert configured("films", CONFIG).via == source.via
    assert (await pasted()).via is None
    assert (await pasted()).identity == source.identity == configured("films", CONFIG).identity


@pytest.mark.parametrize(
    ("via", "words"),
    [
        ("open", "Aliyundrive Open, which cannot save"),
        ("site", "Cloudreve V4, which cannot save"),
        ("films", "Aliyundrive Share, which cannot save"),
        ("other", "another site"),
        ("owm", "not configured"),
    ],
)
async def test_what_cannot_save_is_refused_in_words(via, words):
    """Before anybody is asked; it says what would do."""
    with pytest.raises(UsageError, match=words) as info:
        await pasted(via=via)
    assert info.value.advice


async def test_a_share_that_is_pasted_for_the_open_api_is_refused_in_one_sentence():
    """Whatever else is said; without a driver the share's own is found."""
    with pytest.raises(UsageError, match="Open API cannot open shares"):
        await pasted(driver="aliyundrive_open")
