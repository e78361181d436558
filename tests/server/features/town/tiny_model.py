"""Files of models of two layers that say what they are made to: after a word always the same next one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from gguf import GGUFWriter, TokenType

END: Final = 2
_BYTES: Final = 3
_LINE_FEED: Final = _BYTES + 10
"""The last token of a prompt in the form of ChatML, which llama.cpp takes for a file that names no other."""
_KEY: Final = 32


def write_model(path: Path, says: Sequence[str], *, is_endless: bool = False) -> None:
    """``says``: words, each of them once. ``is_endless``: the first follows the last."""
    words = [f"▁{one}" for one in says]
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *words]
    first = len(tokens) - len(words)
    chain = [_LINE_FEED, *range(first, len(tokens)), first if is_endless else END]
    size = -len(tokens) % _KEY + len(tokens)
    file = GGUFWriter(path, "llama")
    _describe(file, size)
    _vocabulary(file, tokens, [TokenType.UNKNOWN] + [TokenType.CONTROL] * 2 + [TokenType.BYTE] * 256, words)
    for name, tensor in _tensors(len(tokens), size, chain).items():
        file.add_tensor(f"{name}.weight", tensor.astype(np.float32))
    file.write_header_to_file()
    file.write_kv_data_to_file()
    file.write_tensors_to_file()
    file.close()


def _describe(file: GGUFWriter, size: int) -> None:
    file.add_context_length(32_768)
    file.add_embedding_length(size)
    file.add_block_count(2)
    file.add_feed_forward_length(_KEY)
    file.add_head_count(size // _KEY)
    file.add_head_count_kv(1)
    file.add_layer_norm_rms_eps(1e-5)
    file.add_rope_dimension_count(_KEY)


def _vocabulary(file: GGUFWriter, tokens: Sequence[str], types: Sequence[TokenType], words: Sequence[str]) -> None:
    file.add_tokenizer_model("llama")
    file.add_token_list([one.encode() for one in tokens])
    file.add_token_scores([0.0] * len(tokens))
    file.add_token_types([*types, *(TokenType.NORMAL for _ in words)])
    file.add_bos_token_id(1)
    file.add_eos_token_id(END)


def _tensors(tokens: int, size: int, chain: Sequence[int]) -> dict[str, np.ndarray]:
    """Layers that add nothing, so that the output sees the last token alone."""
    output = np.zeros((tokens, size))
    output[END] = 1
    for before, after in pairwise(chain):
        output[after, before] = 10
    found = {"token_embd": np.eye(tokens, size), "output": output, "output_norm": np.ones(size)}
    shapes = {
        "attn_q": (size, size), "attn_k": (_KEY, size), "attn_v": (_KEY, size), "attn_output": (size, size),
        "ffn_gate": (_KEY, size), "ffn_up": (_KEY, size), "ffn_down": (size, _KEY),
    }  # fmt: skip
    for layer in ("blk.0", "blk.1"):
        found |= {f"{layer}.{name}": np.ones(size) for name in ("attn_norm", "ffn_norm")}
        found |= {f"{layer}.{name}": np.zeros(shape) for name, shape in shapes.items()}
    return found
