"""What every driver's options have in common."""

from __future__ import annotations

import pytest

from fsmount import drivers
from fsmount.drivers.declared import declared


@pytest.mark.parametrize("name", sorted(drivers.REGISTRY))
def test_options_are_shown_without_their_secrets(name):
    """Wherever one of them ends up in a report; what was not given is not shown either."""
    kind = drivers.load(name).options
    texts = {option.name: f"-{option.name}-" for option in declared(kind) if option.default == ""}
    shown = repr(kind(**texts))
    for option in declared(kind):
        if option.default == "":
            assert (f"-{option.name}-" in shown) is not (option.sensitive or option.code)
        else:
            assert f"{option.name}=" not in shown
    assert shown.startswith(f"{kind.__name__}(")
