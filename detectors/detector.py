"""The detector: texts in, spans out. Synchronous, CPU-bound, thread-safe, deterministic; knows nothing of HTTP.

A text is read up to three times: as it is, as its shadow where obfuscation was undone (``normalize``), and
inside base64 runs. The model reads
all of it in one batch; then the recognizers run through Presidio's engine; spans are mapped back, conflicts
resolved, and what was found is found again elsewhere in the same text (``linking``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata

from detectors.allow_list import AllowList
from detectors.config import DetectorConfig
from detectors.conflicts import Candidate, resolve
from detectors.engine import Engine
from detectors.errors import DetectorError
from detectors.linking import link
from detectors.list_entries import unfolded
from detectors.normalize import Shadow, base64_runs, shadow
from detectors.reading import Proposal, Reading
from detectors.recognizers.catalogue import build
from detectors.recognizers.ner import Model
from detectors.recognizers.site import DECIDES, DENY_LIST
from detectors.recognizers.strict import GENERIC, VERIFIED
from detectors.spans import Span

__all__ = ["Detector", "DetectorError"]

RULES_VERSION = "3"
"""Raise it when recognizers change what they find: it is part of ``Detector.version``."""

_RULES = (
    *("languages", "countries", "phone_regions", "min_score", "entities", "disabled", "linking"),
    *("allow_list", "deny_list", "recognizers", "plugins"),
)
"""Keys of the configuration that change what is found."""
_DEPTH = 2
"""How deep base64 inside base64 is decoded."""


@dataclass(frozen=True, slots=True)
class _View:
    """One reading of a text (or of what is encoded in it) and the way back."""

    text: str
    shadow: Shadow | None = None
    """Set where ``text`` is a shadow."""
    whole: tuple[int, int] | None = None
    """Set where ``text`` was decoded: any finding covers this stretch of the original."""

    def original(self, start: int, end: int) -> tuple[int, int]:
        """The stretch of the original text behind ``text[start:end]``."""
        if self.whole is not None:
            return self.whole
        return (start, end) if self.shadow is None else self.shadow.original(start, end)


class Detector:
    """Finds sensitive text.

    ``detect`` may be called from several threads. A text's spans depend on that text and the configuration only.
    """

    def __init__(self, config: DetectorConfig | None = None, *, model: Model | None = None) -> None:
        """Build recognizers and load the model (``model`` if given, else the configured one). Raises DetectorError."""
        self.config = config or DetectorConfig()
        self._model = (model or _load_model(self.config)) if self.config.ner.enabled else None
        self._allow_list = AllowList(unfolded("allow_list", self.config.allow_list))
        self._engine = Engine(build(self.config), self.config.languages, self.config.regex_timeout_ms / 1000)
        self._disabled = frozenset(self.config.disabled)
        self.version = self._version()

    def _version(self) -> str:
        rules = self.config.model_dump_json(
            include={**dict.fromkeys(_RULES, True), "ner": {"cascade"}},
        )
        lists = (*unfolded("allow_list", self.config.allow_list), *unfolded("deny_list", self.config.deny_list))
        listed = "\n".join(str(entry.literal) for entry in lists)
        digest = hashlib.blake2b(f"{rules}\n{listed}".encode(), digest_size=4).hexdigest()
        model = self._model.version if self._model is not None else "none"
        return f"rules-{RULES_VERSION}.{digest}+presidio-{metadata.version('presidio-analyzer')}+ner-{model}"

    def warm_up(self) -> None:
        """Compile every expression and run the model once, so that the first request does not pay for it."""
        self._engine.compile()
        self.detect(["Mail anna@example.com, call +1 202-555-0143, card 4111 1111 1111 1111. 电话 13800138000"])

    def detect(self, texts: Sequence[str]) -> list[list[Span]]:
        """Disjoint spans of each text, in order of position. Raises DetectorError; its message holds no data."""
        for text in texts:
            if len(text) > self.config.max_segment_chars:
                raise DetectorError(
                    f"a text is longer than detector.max_segment_chars ({self.config.max_segment_chars} code points)"
                )
        try:
            views = [_views(text) for text in texts]
            proposals = self._propose([view.text for group in views for view in group])
            return [
                self._resolve(text, group, [next(proposals) for _ in group])
                for text, group in zip(texts, views, strict=True)
            ]
        except DetectorError:
            raise
        except Exception as error:
            raise DetectorError(f"detection failed ({type(error).__name__})") from None

    def _propose(self, texts: list[str]) -> _Proposals:
        if self._model is None or not texts:
            return _Proposals([[] for _ in texts])
        try:
            found = self._model.predict(texts)
        except Exception as error:
            raise DetectorError(f"the NER model failed ({type(error).__name__})") from None
        if len(found) != len(texts):
            raise DetectorError("the NER model answered for another number of texts")
        return _Proposals([[Proposal(e.start, e.end, e.label, e.score) for e in entities] for entities in found])

    def _resolve(self, text: str, views: list[_View], proposals: list[list[Proposal]]) -> list[Span]:
        candidates: list[Candidate] = []
        timeout = self.config.regex_timeout_ms / 1000
        for view, proposed in zip(views, proposals, strict=True):
            found = self._engine.find(Reading(view.text, proposals=proposed, regex_timeout=timeout), self.config.floor)
            for result in found:
                entity = result.entity_type
                if result.score < self.config.floor(entity) or entity in self._disabled:
                    continue
                start, end = view.original(result.start, result.end)
                verified = any(result.recognition_metadata.get(key) for key in (VERIFIED, DECIDES))
                generic = bool(result.recognition_metadata.get(GENERIC))
                name = result.recognition_metadata[result.RECOGNIZER_NAME_KEY]
                candidates.append(
                    Candidate(Span(start, end, entity, float(result.score), str(name)), verified, generic)
                )
        spans = resolve(text, self._not_allowed(text, candidates) if self._allow_list else candidates)
        if not (self.config.linking and spans):
            return spans
        return link([text], [spans], allowed=self._allow_list.allows)[0]

    def _not_allowed(self, text: str, candidates: list[Candidate]) -> list[Candidate]:
        """Without what is on the allow-list, and what lies inside of it; what is on the deny-list stays."""
        allows, spans = self._allow_list.allows, [candidate.span for candidate in candidates]
        places = {(one.start, one.end) for one in spans if allows(one.entity, text[one.start : one.end])}

        def passes(span: Span) -> bool:
            return span.recognizer != DENY_LIST and any(
                start <= span.start and span.end <= end and allows(span.entity, text[start:end])
                for start, end in places
            )

        return [candidate for candidate in candidates if not passes(candidate.span)]


class _Proposals:
    """The model's findings, handed out text by text."""

    def __init__(self, found: list[list[Proposal]]) -> None:
        self._left = iter(found)

    def __next__(self) -> list[Proposal]:
        return next(self._left)


def _views(text: str) -> list[_View]:
    """The text itself, its shadow, and what is encoded in either."""
    views = [_View(text)]
    undone = shadow(text)
    if undone is not None:
        views.append(_View(undone.text, shadow=undone))
    stretches: set[tuple[int, int, str]] = set()
    for view in tuple(views):
        for start, end, decoded in base64_runs(view.text):
            whole = (start, end) if view.shadow is None else view.shadow.original(start, end)
            if (*whole, decoded) not in stretches:
                stretches.add((*whole, decoded))
                views += _decoded_views(decoded, whole, _DEPTH)
    return views


def _decoded_views(text: str, whole: tuple[int, int], depth: int) -> list[_View]:
    """Views of what a base64 run decodes to; any finding in them means the whole run."""
    views = [_View(text, whole=whole)]
    undone = shadow(text)
    if undone is not None:
        views.append(_View(undone.text, whole=whole))
    if depth > 1:
        for _, _, decoded in base64_runs(text):
            views += _decoded_views(decoded, whole, depth - 1)
    return views


def _load_model(config: DetectorConfig) -> Model:
    try:
        from models.errors import ModelError
        from models.ner.inference import NerModel
    except ImportError:
        raise DetectorError(
            "detector.ner.enabled is true, but models.ner is not installed; set it to false to run patterns only"
        ) from None
    try:
        loaded: Model = NerModel.load(
            config.ner.model, device=config.ner.device, threads=config.ner.threads, cascade=config.ner.cascade
        )
    except ModelError as error:
        raise DetectorError(f"detector.ner.model: {error}") from None
    except Exception as error:
        raise DetectorError(
            f"detector.ner.model cannot be loaded ({type(error).__name__}); check the name or path, "
            "or set detector.ner.enabled: false"
        ) from None
    return loaded
