"""Put what Salt loads by itself (_engines, _runners, _modules, _beacons) into the package; everything else is in pyproject.toml."""

from __future__ import annotations

SHELLS = ("_engines", "_runners", "_modules", "_beacons")
PACKAGE = "saltext.dynamiccluster"

# Guarded: a master with `module_dirs: [this directory]` has Salt's loader import every file that lies here.
if __name__ == "__main__":
    from setuptools import find_namespace_packages, setup

    setup(
        packages=find_namespace_packages("src", include=[PACKAGE, f"{PACKAGE}.*"], exclude=["*.__pycache__*"])
        + [f"{PACKAGE}.{shell}" for shell in SHELLS],
        package_dir={"": "src", **{f"{PACKAGE}.{shell}": shell for shell in SHELLS}},
    )
