"""One step of one case, in a process of its own: `python -m bench.child prepare|run CASE DIR`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from .cases import APART, all_cases, peak_mb


def main(step: str, name: str, folder: Path) -> None:
    """Prepare a case, or run it and print {"cpu", "floor", "peak", "judged"}."""
    cases = all_cases()
    case = cases[name] if name in cases else all_cases(APART)[name]
    if step == "prepare":
        assert case.prepare is not None
        case.prepare(folder)
        return
    sample = case.run(folder)
    print(json.dumps({"cpu": sample.cpu, "floor": sample.floor, "peak": sample.peak or peak_mb(), "judged": sample.judged}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
