"""Put what Salt loads by itself (_engines, _runners, _modules) into the package; everything else is in pyproject.toml."""

from __future__ import annotations

from setuptools import find_namespace_packages, setup

SHELLS = ("_engines", "_runners", "_modules")
PACKAGE = "saltext.dynamiccluster"

setup(
    packages=find_namespace_packages("src", include=[PACKAGE, f"{PACKAGE}.*"], exclude=["*.__pycache__*"])
    + [f"{PACKAGE}.{shell}" for shell in SHELLS],
    package_dir={"": "src", **{f"{PACKAGE}.{shell}": shell for shell in SHELLS}},
)
