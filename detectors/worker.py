"""One thread beside the event loop, of which a program's end does not wait. Standard library only.

``ThreadPoolExecutor`` joins its threads when the interpreter ends, so that one that hangs keeps the process alive.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from queue import SimpleQueue


class Worker:
    """Runs calls one after the other in a daemon thread."""

    def __init__(self, name: str) -> None:
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        threading.Thread(target=self._work, name=name, daemon=True).start()

    def run[**P, T](self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[T]:
        """What ``call`` returns or raises. A future that was cancelled before its turn is passed over."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def tell(settle: Callable[[], None]) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(lambda: None if future.done() else settle())

        def work() -> None:
            if future.cancelled():
                return
            try:
                result = call(*args, **kwargs)
            except BaseException as error:
                failure = error
                tell(lambda: future.set_exception(failure))
            else:
                tell(lambda: future.set_result(result))

        self._calls.put(work)
        return future

    def stop(self) -> None:
        """End the thread after the call that runs now; what waits is not run."""
        while not self._calls.empty():
            self._calls.get()
        self._calls.put(None)

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            call()
