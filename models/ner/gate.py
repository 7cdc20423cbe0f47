"""The cascade's first stage: a tiny network that says which windows of tokens the model must read at all.

Most of what agents send is code, logs and boilerplate without anybody in it. A look-up of each token and two small
convolutions over its neighbours tell, at a thousandth of the model's cost, where somebody *might* be named; the rest is
never read. Made for recall: its threshold is set so that next to nothing that the model would find is lost. A text's
answer depends on that text alone. May import numpy and onnxruntime.
"""

from __future__ import annotations

import numpy as np
import onnxruntime  # type: ignore[import-untyped]
from numpy.typing import NDArray

from models.ner.encoding import Encoded, Window

Floats = NDArray[np.float32]


class Gate:
    """A loaded gate. Thread-safe: nothing changes after loading."""

    def __init__(self, session: onnxruntime.InferenceSession, threshold: float) -> None:
        self._session = session
        self.threshold = threshold
        """Least probability, 0 to 1, at which a token makes its window worth reading."""

    def chances(self, encoded: Encoded) -> Floats:
        """``float32[tokens]``: how likely each token belongs to something that the model looks for."""
        if not len(encoded):
            return np.zeros(0, dtype=np.float32)
        answer: Floats = self._session.run(None, {"input_ids": encoded.ids.astype(np.int64)[None]})[0][0]
        return answer

    def opens(self, encoded: Encoded, windows: list[Window]) -> list[Window]:
        """The windows that must be read: those with a token at or above the threshold in what is kept of them."""
        if not windows:
            return []
        likely = self.chances(encoded) >= self.threshold
        return [window for window in windows if likely[window.keep_start : window.keep_end].any()]
