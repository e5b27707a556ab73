"""The guard that keeps the lab from changing the machine itself."""

from __future__ import annotations

import pytest

from lab import rootfs


@pytest.mark.parametrize("change", [
    lambda path: rootfs.write(path, "lab"), lambda path: rootfs.link(path, "/lab"), rootfs.remove, rootfs.empty,
], ids=["write", "link", "remove", "empty"])
def test_nothing_is_changed_outside_of_a_private_root(tmp_path, change):
    precious = tmp_path / "precious"
    precious.write_text("mine")
    with pytest.raises(RuntimeError, match="refused"):
        change(str(precious))
    assert precious.read_text() == "mine"
