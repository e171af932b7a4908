"""Reads and writes models as GGUF files, and knows their tokens."""

import gguf
import numpy as np
import tokenizers

from llama import Shape

# How a chat is written down. It stands in the GGUF file, so that llama.cpp
# writes chats as they were trained on: the base model's own template puts a
# system message in front of chats that have none.
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)

NORMS = ("attn_norm", "ffn_norm")


def read(path):
    """A model's Shape, its weights as numpy arrays of 32 bits, and the reader."""
    try:
        r = gguf.GGUFReader(path)
        field = lambda name: r.fields["llama." + name].contents()
        shape = Shape(
            layers=field("block_count"), width=field("embedding_length"), heads=field("attention.head_count"),
            kv_heads=field("attention.head_count_kv"), inner=field("feed_forward_length"),
            tokens=len(r.fields["tokenizer.ggml.tokens"].data), rope_base=field("rope.freq_base"),
            epsilon=field("attention.layer_norm_rms_epsilon"))
        tensors = {t.name.removesuffix(".weight"): t for t in r.tensors}
        if "output" in tensors:
            raise ValueError("its output matrix is not its embedding; that kind is not supported")
        get = lambda name: gguf.quants.dequantize(tensors[name].data, tensors[name].tensor_type).astype(np.float32)
        weights = {"token_embd": get("token_embd"), "output_norm": get("output_norm"), "layers": {}}
        for name in (*NORMS, *shape.linears()):
            # GGUF's matrices are [out, in].
            weights["layers"][name] = np.stack([get(f"blk.{i}.{name}").T for i in range(shape.layers)])
    except (KeyError, ValueError, OSError, IndexError) as err:
        raise SystemExit(f"{path}: not a Llama model in GGUF that can be fine-tuned, or damaged: {err!r}")
    return shape, weights, r


def write(path, base, weights, name):
    """Writes weights as a model like base (a reader), in 16 bits."""
    w = gguf.GGUFWriter(path, "llama")
    ours = {"general.architecture", "general.name", "general.file_type", "general.quantization_version", "tokenizer.chat_template"}
    for key, f in base.fields.items():
        if key.startswith("GGUF.") or key in ours:
            continue
        kind, sub = f.types[0], f.types[-1] if f.types[0] == gguf.GGUFValueType.ARRAY else None
        w.add_key_value(key, f.contents(), kind, sub)
    w.add_name(name)
    w.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    w.add_chat_template(TEMPLATE)
    half = lambda x: np.ascontiguousarray(x, dtype=np.float16)
    full = lambda x: np.ascontiguousarray(x, dtype=np.float32)
    w.add_tensor("token_embd.weight", half(weights["token_embd"]))
    w.add_tensor("output_norm.weight", full(weights["output_norm"]))
    for key, stack in weights["layers"].items():
        for i, x in enumerate(np.asarray(stack)):
            w.add_tensor(f"blk.{i}.{key}.weight", full(x) if key in NORMS else half(x.T))
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


class Pieces:
    """The tokens of a GGUF file: byte pairs as SmolLM has them."""

    def __init__(self, reader):
        get = lambda name: reader.fields["tokenizer.ggml." + name].contents()
        if get("model") != "gpt2" or get("pre") != "smollm":
            raise SystemExit(f"tokens of the kind {get('model')}/{get('pre')}: only those of SmolLM are known")
        names = get("tokens")
        merges = [tuple(m.split(" ")) for m in get("merges")]
        self.of = tokenizers.Tokenizer(tokenizers.models.BPE({t: i for i, t in enumerate(names)}, merges))
        self.of.pre_tokenizer = tokenizers.pre_tokenizers.Sequence([
            tokenizers.pre_tokenizers.Digits(individual_digits=True),
            tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)])
        self.of.decoder = tokenizers.decoders.ByteLevel()
        self.of.add_special_tokens([t for t, kind in zip(names, get("token_type")) if kind == gguf.TokenType.CONTROL])
        self.end = names.index("<|im_end|>")
        self.size = len(names)

    def encode(self, text):
        return self.of.encode(text, add_special_tokens=False).ids

    def decode(self, ids):
        return self.of.decode(ids, skip_special_tokens=True)


class Words:
    """The words of some texts as tokens, for a network from scratch."""

    END = "<|im_end|>"

    def __init__(self, texts):
        self.split = tokenizers.pre_tokenizers.Sequence([
            tokenizers.pre_tokenizers.Split(tokenizers.Regex(r"<\|\w+\|>|[\w']+|[^\w\s]|\n"), "isolated"),
            tokenizers.pre_tokenizers.Split(" ", "removed")])
        words = sorted({w for t in texts for w in self.words(t)} | {self.END, "<unknown>"})
        self.ids = {w: i for i, w in enumerate(words)}
        self.names = words
        self.end, self.size = self.ids[self.END], len(words)

    def words(self, text):
        return [w for w, _ in self.split.pre_tokenize_str(text)]

    def encode(self, text):
        return [self.ids.get(w, self.ids["<unknown>"]) for w in self.words(text)]

    def decode(self, ids):
        return " ".join(self.names[i] for i in ids)
