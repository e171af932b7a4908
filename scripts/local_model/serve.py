"""Serves a GGUF model on 127.0.0.1, as an OpenAI-compatible endpoint.

Started by run.sh, which see. Runs until it is ended by a signal."""

import argparse
import signal

import xllamacpp

options = argparse.ArgumentParser()
options.add_argument("--model", required=True)
options.add_argument("--name", required=True)
options.add_argument("--port", type=int, required=True)
options.add_argument("--threads", type=int, required=True)
options.add_argument("--slots", type=int, required=True)
options.add_argument("--context", type=int, required=True, help="tokens of one slot")
options.add_argument("--embeddings", action="store_true")
options = options.parse_args()

p = xllamacpp.CommonParams()
p.model.path = options.model
p.model_alias = {options.name}
p.hostnames = ["127.0.0.1"]
p.port = options.port
p.cpuparams.n_threads = options.threads
p.n_parallel = options.slots
p.n_ctx = options.slots * options.context
p.use_jinja = True
if options.embeddings:
    p.embedding = True
    p.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    p.n_ubatch = p.n_batch = options.context  # a text is embedded in one go

signal.signal(signal.SIGTERM, signal.SIG_DFL)
server = xllamacpp.Server(p)
print("serving", options.model, "as", options.name, "at", server.listening_address, flush=True)
signal.pause()
