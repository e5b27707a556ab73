from __future__ import annotations

import pytest
from saltext.dynamiccluster.batch.torque.units import count_elements, read_memory_mb, read_seconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("512mb", 512),
        ("1gb", 1024),
        ("24684084kb", 24106),
        ("1gw", 8192),
        ("1048577", 2),
        ("1048577b", 2),
        ("2G", 2048),
        ("1.5gb", 1536),
        ("1tb", 1048576),
    ],
)
def test_memory(text, expected):
    assert read_memory_mb(text) == expected


@pytest.mark.parametrize("text", ["", "lots", "-1gb", "1xb", "1e9gb", "9" * 400, "9" * 20 + "pb"])
def test_no_memory(text):
    with pytest.raises(ValueError):
        read_memory_mb(text)


@pytest.mark.parametrize(
    ("text", "expected"), [("3600", 3600), ("01:00:00", 3600), ("100:00:00", 360000), ("1:00:00:00", 86400), ("10:30", 630)]
)
def test_seconds(text, expected):
    assert read_seconds(text) == expected


@pytest.mark.parametrize(("read", "text"), [(read_seconds, "nan:00"), (read_seconds, "9" * 400), (count_elements, "0-" + "9" * 20), (count_elements, "5-1")])
def test_no_number_of_anything(read, text):
    with pytest.raises(ValueError):
        read(text)


@pytest.mark.parametrize(("text", "expected"), [("1-5", 5), ("1,3,7", 3), ("0-99%10", 100), ("4", 1), ("1-3,8-9", 5)])
def test_elements_of_an_array(text, expected):
    assert count_elements(text) == expected
