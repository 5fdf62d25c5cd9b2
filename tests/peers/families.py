"""The clients that emulators are held to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A module that is run in its family's environment, and the emulator that it meets.

    Attributes:
        module: Below the family's folder.
        provider: Name of the emulator.
        options: Its command line options.
    """

    module: str
    provider: str
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Clients that share an environment: `tests/peers/NAME` holds their requirements and scripts.

    Attributes:
        name: Of the folder.
        clients: What a person calls them.
        python: The oldest Python that they run on.
        scripts: What is run.
    """

    name: str
    clients: str
    python: tuple[int, int]
    scripts: tuple[Script, ...]

    @property
    def requirements(self) -> Path:
        """The file with every package, all versions pinned."""
        return Path(__file__).parent / self.name / "requirements.txt"


FAMILIES = (
    Family(
        name="p115",
        clients="p115client and py115",
        python=(3, 12),
        scripts=(
            Script(module="client_drive", provider="p115"),
            Script(module="client_share", provider="p115_share"),
            Script(module="client_changes", provider="p115"),
            Script(module="client_open", provider="p115_open"),
            Script(module="py115_drive", provider="p115"),
        ),
    ),
    Family(
        name="aliyun",
        clients="aligo and AliPCS-Py",
        python=(3, 11),
        scripts=(
            Script(
                module="aligo_patched",
                provider="aliyundrive",
                options=("--share-password", "abcd"),
            ),
            Script(
                module="aligo_rewritten",
                provider="aliyundrive",
                options=("--share-password", "abcd"),
            ),
            Script(
                module="alipcs_drive",
                provider="aliyundrive",
                options=("--share-password", "abcd"),
            ),
            # It knows the default drive only.
            Script(
                module="alipcs_open", provider="aliyundrive_open", options=("--drive", "default")
            ),
        ),
    ),
    Family(
        name="pds",
        clients="alibabacloud-pds20220301",
        python=(3, 11),
        scripts=(Script(module="sdk", provider="pds", options=("--share-password", "abcd")),),
    ),
)
