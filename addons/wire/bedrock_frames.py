"""What all streams of frames share: bad ones end the stream in an error, exceptions are restored and noted.

May import this room only. What was restored before a bad frame leaves first, whether or not the network brought both
at once; so the output does not depend on the cuts, an error included.
"""

from __future__ import annotations

from typing import Any

from addons.wire.bedrock_errors import stream_error
from addons.wire.eventstream import ERROR_MESSAGE, MESSAGE_TYPE, Frame, FrameSplitter
from addons.wire.rules import FREE
from addons.wire.sse import Event
from addons.wire.streaming import EventStream
from addons.wire.types import Restoration, WireError


class FrameStream(EventStream):
    """Restores a stream of frames. Subclasses say what the events mean."""

    gap = b""

    def __init__(self, restoration: Restoration):
        super().__init__(restoration)
        self._frames = FrameSplitter()
        self._pending: WireError | None = None

    def feed(self, data: bytes) -> bytes:
        """See ``ReplyStream.feed``."""
        if self._ended:
            return b""
        self._told()
        out: list[bytes] = []
        try:
            for frame in self._frames.feed(data):
                out.append(self._event(frame))  # noqa: PERF401 - what came before an error is kept
        except WireError as e:
            self._pending = e
            if not any(out):
                raise
        return b"".join(out)

    def close(self) -> bytes:
        """See ``ReplyStream.close``. Raises WireError ``truncated_frame``; ``error`` then tells what was held back."""
        if self._ended:
            return b""
        self._told()
        if self._frames.inside:
            raise WireError("truncated_frame", "stream", "The stream ends inside a frame", 502)
        self._ended = True
        return self.tails()

    def error(self, message: str) -> bytes:
        """See ``ReplyStream.error``."""
        self._ended = True
        self.facts.complete = False
        return self.tails() + stream_error(message)

    def on_exception(self, frame: Frame) -> bytes:
        """The provider's own exception, which may quote the prompt."""
        self.facts.error_type = frame.name or "error"
        before, self.whole_rule = self.tails(), FREE
        if ERROR_MESSAGE in frame.headers:
            old = frame.headers[ERROR_MESSAGE]
            new = self._restoration.whole(old)
            return before + (frame.raw if new == old else frame.with_header(ERROR_MESSAGE, new))
        return before + self.whole(frame)

    def on_json(self, event: Event, data: dict[str, Any]) -> bytes:
        """An event of a kind that is not known: every text in it by itself."""
        return self.whole(event)

    def _told(self) -> None:
        if self._pending is not None:
            raise self._pending

    def _event(self, event: Event) -> bytes:
        kind = event.headers.get(MESSAGE_TYPE) if isinstance(event, Frame) else None
        if isinstance(event, Frame) and kind in ("exception", "error"):
            return self.on_exception(event)
        if kind != "event":
            raise WireError("unknown_frame", "stream", "A frame is neither an event nor an exception", 502)
        return super()._event(event)
