"""What `./run bench` makes of its words before anything is measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.__main__ import main, take_in


def test_given_files_are_read_and_nothing_is_written_beside_them(tmp_path: Path) -> None:
    given, folder = tmp_path / "given", tmp_path / "folder"
    given.mkdir()
    folder.mkdir()
    (given / "gridengine-qstat.xml").write_text("captured")
    take_in(given, folder)
    assert (folder / "gridengine-qstat.xml").read_text() == "captured"
    (folder / "gridengine-qstat-aged.xml").write_text("made")
    assert [file.name for file in given.iterdir()] == ["gridengine-qstat.xml"]


@pytest.mark.parametrize(("words", "told"), [(["--only", "nonsense"], "no row has nonsense"), (["--only", "scale-in", "--input", "/no/such"], "/no/such is no directory")])
def test_words_that_name_nothing_are_told(words: list[str], told: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert told in str(ended.value.code)
