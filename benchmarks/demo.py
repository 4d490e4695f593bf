"""The demo in a process of its own: its scores, its wall time with start-up, its peak memory.

python benchmarks/demo.py --out benchmarks/results/demo.json
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from result_file import parse_out, write_result


def main() -> None:
    arguments = parse_out(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        started = time.perf_counter()
        subprocess.run([sys.executable, "-m", "tessella", "demo", "--out", str(run)], check=True)
        seconds = time.perf_counter() - started
        evaluation = json.loads((run / "evaluation" / "test.json").read_text(encoding="utf-8"))
    # Linux gives kilobytes
    peak_gib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    figures = {
        "mean_iou": evaluation["scores"]["mean_iou"],
        "trivial_mean_iou": evaluation["trivial"]["mean_iou"],
        "split": "test, 48 drawn scenes of 128x192, seed 0",
        "averaging": evaluation["protocol"]["averaging"],
        "wall_seconds_with_start_up": round(seconds, 1),
        "peak_memory_gib": round(peak_gib, 2),
    }
    print(figures)
    if arguments.out:
        write_result(
            arguments.out,
            claim="The demo scores at least 0.75 in under 2 minutes and 4 GB on 2 cores.",
            figures=figures,
            command="python benchmarks/demo.py",
        )


if __name__ == "__main__":
    main()
