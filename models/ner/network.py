"""The network: multilingual-e5-small's first layers with a head of BIO tags. Training only; imports torch when called.

A plain BERT graph (learned positions, post-norm, erf GELU), so that transformers and its exporters know it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from models.ner.base import Base
from models.ner.labels import TAGS

if TYPE_CHECKING:
    from transformers import BertForTokenClassification  # type: ignore[import-not-found,unused-ignore]

_LAYER = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
_EMBEDDINGS = {
    "emb.pos": "position_embeddings.weight",
    "emb.type": "token_type_embeddings.weight",
    "emb.ln.w": "LayerNorm.weight",
    "emb.ln.b": "LayerNorm.bias",
}


def config(base: Base, layers: int, pieces: int) -> Any:
    """transformers' description of the network with ``layers`` layers and ``pieces`` rows of word embeddings."""
    from transformers import BertConfig

    return BertConfig(
        vocab_size=pieces,
        hidden_size=base.hidden,
        num_hidden_layers=layers,
        num_attention_heads=base.heads,
        intermediate_size=base.ffn,
        max_position_embeddings=base.positions,
        type_vocab_size=base.types,
        layer_norm_eps=base.epsilon,
        pad_token_id=1,
        id2label=dict(enumerate(TAGS)),
        label2id={tag: number for number, tag in enumerate(TAGS)},
    )


def from_base(base: Base, layers: int, order: list[int]) -> BertForTokenClassification:
    """A network with the base's weights; ``order`` gives the base's piece for each piece of the pruned vocabulary."""
    import torch  # type: ignore[import-not-found,unused-ignore]
    from transformers import BertForTokenClassification  # type: ignore[import-not-found,unused-ignore]

    network = BertForTokenClassification(config(base, layers, len(order)))
    weights = {f"bert.embeddings.{name}": base.tensors[ours] for ours, name in _EMBEDDINGS.items()}
    weights["bert.embeddings.word_embeddings.weight"] = base.tensors["emb.word"][np.asarray(order)]
    for layer in range(layers):
        for ours, name in _LAYER.items():
            for kind, suffix in (("w", "weight"), ("b", "bias")):
                weights[f"bert.encoder.layer.{layer}.{name}.{suffix}"] = base.tensors[f"l{layer}.{ours}.{kind}"]
    missing, unexpected = network.load_state_dict(
        {name: torch.from_numpy(array) for name, array in weights.items()}, strict=False
    )
    unset = [name for name in missing if not name.startswith("classifier.") and not name.endswith("position_ids")]
    if unset or unexpected:
        raise AssertionError(f"weights do not fit the network: missing {unset}, unexpected {unexpected}")
    return network


def load(folder: Path) -> BertForTokenClassification:
    """A network saved with ``save_pretrained``."""
    from transformers import BertForTokenClassification  # type: ignore[import-not-found,unused-ignore]

    network: BertForTokenClassification = BertForTokenClassification.from_pretrained(folder, local_files_only=True)
    return network
