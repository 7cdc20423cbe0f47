"""The worker thread: results, errors, order, and a program that ends although a call hangs."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from detectors.worker import Worker

HANGING = """
import asyncio, threading
from detectors.worker import Worker

async def main():
    entered = threading.Event()
    worker = Worker("hangs")
    def hang():
        entered.set()
        threading.Event().wait()
    call = worker.run(hang)
    await asyncio.to_thread(entered.wait)
    worker.stop()
    call.cancel()

asyncio.run(main())
print("ended")
"""


async def test_results_errors_and_order() -> None:
    worker = Worker("test")
    seen: list[int] = []
    results = await asyncio.gather(*(worker.run(seen.append, i) for i in range(5)), worker.run(lambda x: x + 1, 1))
    assert seen == [0, 1, 2, 3, 4] and results[-1] == 2
    with pytest.raises(ZeroDivisionError):
        await worker.run(lambda: 1 // 0)
    assert await worker.run(threading.current_thread) is not threading.main_thread()
    worker.stop()


async def test_what_was_cancelled_before_its_turn_is_not_run() -> None:
    worker, gate, seen = Worker("test"), threading.Event(), []
    first, second, third = worker.run(gate.wait, 20), worker.run(seen.append, 2), worker.run(seen.append, 3)
    second.cancel()
    gate.set()
    assert await first
    await third
    assert seen == [3]
    worker.stop()


def test_a_call_that_hangs_keeps_no_process_alive() -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", HANGING], cwd=root, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "ended\n", "")
