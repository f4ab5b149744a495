"""Many processes, one store: nothing committed is lost, and every block has one winner."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from headroom_wrap.store import Store

N_PROCESSES, N_BLOCKS = 10, 40

WRITER = """
import json, sys
from pathlib import Path
from headroom_wrap.store import Decision, LedgerRow, Store
from headroom_wrap.store.store import original_id
file, name, n_blocks = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
store = Store(file)
won = {}
for number in range(n_blocks):
    text = f"original {number}"
    decision = Decision(f"k{number}", "f", "{}", f"by {name}", "why", original_id=original_id(text))
    won |= {key: found.rendered for key, found in store.decide([decision], {original_id(text): (text, "Bash")}).items()}
    store.record(LedgerRow("s", name, "anthropic", "m", 200, tokens_before=1))
store.close()
print(json.dumps(won))
"""


def test_ten_processes_write_to_one_store_at_the_same_time(tmp_path: Path) -> None:
    file = tmp_path / "new" / "store.sqlite3"
    argv = [sys.executable, "-c", WRITER, str(file)]
    running = [
        subprocess.Popen(
            [*argv, f"p{number}", str(N_BLOCKS)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for number in range(N_PROCESSES)
    ]
    outputs = [process.communicate(timeout=100) for process in running]
    assert [process.returncode for process in running] == [0] * N_PROCESSES, outputs
    seen = [json.loads(output) for output, _ in outputs]
    assert all(won == seen[0] for won in seen)
    store = Store(file)
    assert store.totals("s").requests == N_PROCESSES * N_BLOCKS
    assert {key: found.rendered for key, found in store.decisions(list(seen[0])).items()} == seen[0]
    assert store._read("PRAGMA integrity_check", ()) == [("ok",)]  # noqa: SLF001 - SQLite's own word
    store.close()
