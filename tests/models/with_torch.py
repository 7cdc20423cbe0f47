"""Checks of the steps that need torch, which the test suite does without: run by hand in the training environment.

``python tests/models/with_torch.py`` builds a tiny network of random weights of each architecture, pulls it, and
compares what is installed with what torch says; it also takes the released model apart and puts it together again, and
looks at the graphs for GPUs. ``python tests/models/with_torch.py fixture`` writes ``tests/models/pulled``, which the
test suite reads.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from models import registry  # noqa: E402
from models.ner import data, dequantize, foreign, gpu, parity, pull, quantize  # noqa: E402
from models.ner.export import export  # noqa: E402
from models.ner.sources import read_prompts  # noqa: E402
from models.session import open_session  # noqa: E402

PULLED = Path(__file__).with_name("pulled")
LABELS = {
    "BIO": ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"],
    "BIOES": ["O", *(f"{edge}-{name}" for name in ("GIVENNAME", "CITY") for edge in "BIES")],
    "none": ["O", "private_person", "EMAIL"],
}
KINDS = {
    "bert": ("wordpiece", "BIO"),
    "camembert": ("unigram", "BIO"),
    "deberta": ("bytes", "BIO"),
    "deberta-v2": ("unigram", "BIOES"),
    "distilbert": ("wordpiece", "BIO"),
    "electra": ("wordpiece", "none"),
    "modernbert": ("bytes", "BIO"),
    "roberta": ("bytes", "BIOES"),
    "xlm-roberta": ("unigram", "none"),
}


def tokenizer(form: str, pieces: int) -> Any:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

    texts = [record.text for record in read_prompts(data.PROMPTS)][:600]
    marks = ["[CLS]", "[PAD]", "[SEP]", "[UNK]"] if form == "wordpiece" else ["<s>", "<pad>", "</s>", "<unk>"]
    common = {"vocab_size": pieces, "special_tokens": marks, "show_progress": False}
    if form == "wordpiece":
        made = Tokenizer(models.WordPiece(unk_token=marks[3]))
        made.normalizer = normalizers.BertNormalizer(lowercase=False)
        made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        trainer = trainers.WordPieceTrainer(limit_alphabet=pieces // 2, **common)
    elif form == "bytes":
        made = Tokenizer(models.BPE())
        made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        trainer = trainers.BpeTrainer(initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), **common)
    else:
        made = Tokenizer(models.Unigram())
        made.pre_tokenizer = pre_tokenizers.Metaspace()
        trainer = trainers.UnigramTrainer(unk_token=marks[3], **common)
    made.train_from_iterator(texts, trainer)
    made.post_processor = processors.TemplateProcessing(
        single=f"{marks[0]} $A {marks[2]}", special_tokens=[(mark, made.token_to_id(mark)) for mark in marks[:3:2]]
    )
    return made


def network(kind: str, folder: Path, hidden: int = 32, layers: int = 2, pieces: int = 3000) -> None:
    """A token classifier of random weights, saved as transformers saves one."""
    import torch
    from transformers import AutoConfig, AutoModelForTokenClassification

    form, scheme = KINDS[kind]
    made, labels = tokenizer(form, pieces), LABELS[scheme]
    facts: dict[str, Any] = {
        "vocab_size": made.get_vocab_size(),
        "pad_token_id": 1,
        "id2label": dict(enumerate(labels)),
        "label2id": {label: number for number, label in enumerate(labels)},
        "max_position_embeddings": 130,
    }
    if kind == "distilbert":
        facts |= {"dim": hidden, "n_layers": layers, "n_heads": 4, "hidden_dim": 2 * hidden}
    else:
        facts |= {"hidden_size": hidden, "num_hidden_layers": layers, "num_attention_heads": 4}
        facts["intermediate_size"] = 2 * hidden
    if kind.startswith("deberta"):
        facts |= {"relative_attention": True, "pos_att_type": ["c2p", "p2c"], "type_vocab_size": 0}
        facts["position_biased_input"] = False
    if kind == "deberta-v2":
        facts |= {"share_att_key": True, "norm_rel_ebd": "layer_norm", "position_buckets": 32}
    if kind == "modernbert":
        facts |= {"local_attention": 32, "global_attn_every_n_layers": 2}
        facts |= {"bos_token_id": 0, "cls_token_id": 0, "eos_token_id": 2, "sep_token_id": 2}
    if kind == "electra":
        facts["embedding_size"] = hidden
    torch.manual_seed(7)
    made_network = AutoModelForTokenClassification.from_config(AutoConfig.for_model(kind, **facts))
    for weight in made_network.parameters():
        if weight.dim() == 2:
            torch.nn.init.normal_(weight, std=0.15)
    made_network.save_pretrained(folder)
    made.save(str(folder / "tokenizer.json"))


def logarithms(session: Any, pad: int, rows: list[Any]) -> Any:
    feed = np.full((len(rows), 64), pad, dtype=np.int64)
    mask = np.zeros_like(feed)
    for row, content in enumerate(rows):
        feed[row, : len(content)], mask[row, : len(content)] = content, 1
    inputs = {"input_ids": feed, "attention_mask": mask, "token_type_ids": np.zeros_like(feed)}
    return session.run(None, {entry.name: inputs[entry.name] for entry in session.get_inputs()})[0]


def check_pull(kind: str, workspace: Path) -> None:
    import torch
    from transformers import AutoModelForTokenClassification

    network(kind, workspace / kind)
    for device in ("cpu", "cuda"):
        wish = pull.Wish(
            to=workspace / "installed", least_agreement=0.9, precision="int8", devices=(device,), replace=True
        )
        model = pull.pull(str(workspace / kind), wish, print)
        if device == "cuda":  # FP16 runs on a CPU too, only slowly: enough to see that it computes the same
            continue
        encoder, session = foreign.encoder_of(model), open_session(model, threads=1)
        encoded = encoder.encode("Please call Anna Kowalski in 北京 today, 12 High St.\nBest")
        ids = np.asarray([encoder.bos, *encoded.ids, encoder.eos])

        alone = logarithms(session, encoder.pad, [ids])[0]
        crowded = logarithms(session, encoder.pad, [ids[:9], ids, ids[::-1]])[1]
        assert (alone == crowded).all(), f"{kind}: a text's result depends on the batch"
        assert np.allclose(np.exp(alone).sum(-1), 1, atol=1e-4)
        theirs = AutoModelForTokenClassification.from_pretrained(workspace / kind).eval()
        with torch.no_grad():
            logits = theirs(input_ids=torch.tensor(ids[None]), attention_mask=torch.ones(1, len(ids)).long()).logits
        outside = logits.softmax(-1)[0, :, 0].numpy()
        change = float(np.abs(outside - np.exp(alone[: len(ids), 0])).max())
        assert change < 0.05, f"{kind}: {change} away from torch"
        print(f"{kind}: {change:.4f} at most away from torch\n")


def check_dequantize(workspace: Path) -> None:
    import onnx

    model = registry.find(registry.DEFAULT)
    back = dequantize.exported(model, workspace / "fp32")
    kinds = Counter(node.op_type for node in onnx.load(back).graph.node)
    assert not any("Quantize" in kind for kind in kinds), "INT8 is left in the graph"
    sample = quantize.sample(workspace / "fp32", None, 100)
    found = parity.compare(back, model.variant("cpu")[1].path, sample)
    print(f"released INT8 against its FP32: {found}")
    assert found.same > 0.99
    again = export(dequantize.start(model, workspace / "start"), workspace / "again")
    found = parity.compare(back, again, sample)
    print(f"FP32 graph against the weights in transformers: {found}")
    assert found.same == 1.0
    fused = gpu.half(back, workspace / gpu.FP16)
    layers = len({node.name.split("/")[3] for node in onnx.load(back).graph.node if "/layer." in node.name})
    assert fused == {
        "Attention": layers,
        "MultiHeadAttention": 0,
        "SkipLayerNormalization": 2 * layers,
        "BiasGelu": layers,
    }
    found = parity.compare(back, workspace / gpu.FP16, sample)
    print(f"FP16 against FP32: {found}")
    assert found.same > 0.999
    gpu.quantize_for_tensorrt(back, workspace / gpu.QDQ, sample)
    found = parity.compare(back, workspace / gpu.QDQ, sample)
    print(f"INT8 for TensorRT against FP32: {found}")
    assert found.same > 0.99
    for tensor in onnx.load(workspace / gpu.QDQ).graph.initializer:
        if tensor.name.endswith("_zero_point"):
            assert not onnx.numpy_helper.to_array(tensor).any(), "TensorRT takes no zero points"


def fixture() -> None:
    with tempfile.TemporaryDirectory() as folder:
        network("bert", Path(folder) / "pulled", hidden=8, layers=1, pieces=400)
        wish = pull.Wish(
            to=Path(folder) / "installed", licence="CC0-1.0", max_tokens=32, least_agreement=0.9, precision="int8"
        )
        model = pull.pull(str(Path(folder) / "pulled"), wish, print)
        shutil.copytree(model.folder, PULLED, dirs_exist_ok=True)


if __name__ == "__main__":
    if sys.argv[1:] == ["fixture"]:
        fixture()
    else:
        with tempfile.TemporaryDirectory() as made:
            for each in KINDS:
                check_pull(each, Path(made))
            check_dequantize(Path(made))
        print("all as it should be")
