"""Runs the NER model: texts in, entities out. The run-time side: onnxruntime, tokenizers and numpy, never torch.

A result depends on its text alone, not on what else is in the batch, because a masked conversation must keep its prefix
byte for byte. Three things make it so: activations are quantized with constants found in calibration (a dynamically
quantized model takes its scales from the whole batch); a window is padded to a length that follows from its own length;
and only windows padded alike are batched. No network, no clock, no randomness.

With a gate (``gate.py``) the model reads only the windows in which somebody might be named; in the others nothing is
found.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime  # type: ignore[import-untyped]

from models import devices, registry
from models.errors import ModelError
from models.ner.decoding import Entity, Floats, decode
from models.ner.encoding import Encoded, Window
from models.ner.foreign import encoder_of
from models.ner.gate import Gate
from models.session import open_gate, open_session

__all__ = ["Entity", "NerModel"]

_STEP: Final = 16
"""Windows are padded to multiples of this; also a multiple of every vector width, so no kernel sees a ragged end."""


class NerModel:
    """A loaded model. Thread-safe: nothing changes after loading."""

    def __init__(self, model: registry.Model, session: onnxruntime.InferenceSession, gate: Gate | None = None) -> None:
        """Use :meth:`load`."""
        self._model = model
        self._session = session
        self._gate = gate
        self._encoder = encoder_of(model)
        self._device = devices.of_provider(session.get_providers()[0])
        outputs = session.get_outputs()
        tags = outputs[0].shape[-1] if outputs else None
        if len(outputs) != 1 or tags != 1 + 2 * len(model.labels):
            raise ModelError(
                f"the network in {model.folder} does not have the labels that {registry.MANIFEST} names: "
                "install the model again"
            )
        self._inputs = frozenset(entry.name for entry in session.get_inputs())

    @classmethod
    def load(
        cls,
        name_or_path: str | Path | None = None,
        *,
        device: str = "cpu",
        threads: int | None = None,
        cascade: bool = True,
    ) -> NerModel:
        """Load a built-in model by name, or one from a folder; None: what COATCHECK_NER_MODEL names, else the default.

        ``device`` is ``cpu`` or ``cuda``; ``threads`` defaults to the cores that the process may use; ``cascade``
        False: the model reads everything, even where its gate sees nobody. Raises :class:`ModelError` for missing or
        altered files and for a device that cannot be had.
        """
        model = registry.find(name_or_path)
        gate = Gate(open_gate(model), model.gate_threshold) if cascade and model.gate is not None else None
        return cls(model, open_session(model, device, threads), gate)

    @property
    def version(self) -> str:
        """Name and first twelve digits of the network's SHA-256, and of the gate's: equal versions, equal results."""
        provider = self._session.get_providers()[0]
        network = f"{self._model.name}@{self._model.variants[provider].sha256[:12]}"
        if self._gate is None or self._model.gate is None:
            return network
        return f"{network}+gate@{self._model.gate.sha256[:8]}/{self._gate.threshold:g}"

    @property
    def labels(self) -> tuple[str, ...]:
        """What the model tells apart."""
        return self._model.labels

    @property
    def temperature(self) -> float:
        """What logits are divided by before the softmax."""
        return self._model.temperature

    def token_probabilities(self, text: str) -> tuple[Encoded, Floats]:
        """Tokens of one text and ``float32[tokens, tags]``: what calibration looks at."""
        encoded = self._encoder.encode(text)
        return encoded, self._probabilities([encoded])[0]

    def warm_up(self) -> None:
        """Run once, so that the first request does not pay for allocations."""
        self.predict(["Anna Kowalski, 12 High Street", "王小明住在北京市海淀区中关村大街1号"])

    def predict(self, texts: Sequence[str]) -> list[list[Entity]]:
        """Entities of each text, in order and not overlapping; offsets in code points of that text."""
        encoded = [self._encoder.encode(text) for text in texts]
        probabilities = self._probabilities(encoded)
        return [
            decode(text, tokens, chances, self._model.labels, self._model.threshold)
            for text, tokens, chances in zip(texts, encoded, probabilities, strict=True)
        ]

    def _probabilities(self, encoded: Sequence[Encoded]) -> list[Floats]:
        """``float32[tokens, tags]`` of each text: softmax at the model's temperature."""
        size = self._model.max_tokens - 2
        answers = [np.zeros((len(tokens), 1 + 2 * len(self._model.labels)), dtype=np.float32) for tokens in encoded]
        waiting: dict[int, list[tuple[int, Window]]] = defaultdict(list)
        for number, tokens in enumerate(encoded):
            answers[number][:, 0] = 1.0
            if len(tokens):
                cut = list(self._encoder.windows(tokens, size, self._model.overlap))
                for window in cut if self._gate is None else self._gate.opens(tokens, cut):
                    waiting[_padded(window.end - window.start + 2)].append((number, window))
        for width, windows in sorted(waiting.items()):
            rows = max(1, self._device.batch_tokens // width)
            for first in range(0, len(windows), rows):
                self._run(width, rows, windows[first : first + rows], encoded, answers)
        return answers

    def _run(
        self,
        width: int,
        rows: int,
        windows: list[tuple[int, Window]],
        encoded: Sequence[Encoded],
        answers: list[Floats],
    ) -> None:
        height = rows if self._device.fixed_rows else len(windows)
        ids = np.full((height, width), self._encoder.pad, dtype=np.int64)
        mask = np.zeros((height, width), dtype=np.int64)
        mask[len(windows) :, 0] = 1  # attention over nothing is not a number
        for row, (number, window) in enumerate(windows):
            length = window.end - window.start
            ids[row, 0] = self._encoder.bos
            ids[row, 1 : length + 1] = encoded[number].ids[window.start : window.end]
            ids[row, length + 1] = self._encoder.eos
            mask[row, : length + 2] = 1
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        logits = self._session.run(None, {name: array for name, array in feed.items() if name in self._inputs})[0]
        chances = _softmax(np.divide(logits, self._model.temperature, dtype=np.float32))
        for row, (number, window) in enumerate(windows):
            shift = 1 - window.start
            answers[number][window.keep_start : window.keep_end] = chances[
                row, window.keep_start + shift : window.keep_end + shift
            ]


def _padded(length: int) -> int:
    return -(-length // _STEP) * _STEP


def _softmax(logits: Floats) -> Floats:
    grown: Floats = np.exp(logits - logits.max(axis=-1, keepdims=True))
    shares: Floats = grown / grown.sum(axis=-1, keepdims=True)
    return shares
