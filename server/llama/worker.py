"""The process that runs a model: ``python -m server.llama.worker <parent's pid>``.

One JSON text a line: on standard input its ``Order``, on standard output ``Started`` once the model is read. Then it
serves llama.cpp's own OpenAI-compatible API on the socket, one answer at a time, until its input is closed or its
parent ends.
"""

from __future__ import annotations

import os
import sys
from typing import BinaryIO

import msgspec

from media.confinement import confine
from server.llama.orders import Order, Started


def main(arguments: list[str]) -> int:
    order = msgspec.json.decode(sys.stdin.buffer.readline(), type=Order)
    confine(int(arguments[0]), memory_bytes=order.memory_bytes)
    with _own_output() as output:
        server, error = _served(order)
        output.write(msgspec.json.encode(Started(error)) + b"\n")
    if server is not None:
        sys.stdin.buffer.read()
    os._exit(bool(error))  # its threads are not waited for


def _own_output() -> BinaryIO:
    """Standard output for ``Started`` alone: whatever else is printed goes nowhere."""
    output = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    return output


def _served(order: Order) -> tuple[object, str]:
    """What serves the model, or why nothing does."""
    try:
        with open(order.model, "rb") as file:
            if file.read(4) != b"GGUF":
                return None, "the file of the model is no GGUF"
        return _serve(order), ""
    except ImportError:
        return None, "xllamacpp is not installed: pip install 'socialflow[assistant-local]'"
    except OSError as error:
        return None, f"the file of the model cannot be read: {error.strerror}"
    except (RuntimeError, MemoryError):
        return None, "llama.cpp cannot run the model: it is damaged, or needs more memory than it may have"


def _serve(order: Order) -> object:
    """Once it listens: what serves for as long as it is kept."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = order.model
    params.hostnames = [order.socket]
    params.n_ctx = order.context
    params.n_parallel = 1
    params.n_batch = params.n_ubatch = 256  # tokens of a question that are read before it can be broken off
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = order.threads
    params.n_threads_http = 2
    params.cache_ram_mib = 0  # of what others have asked nothing is kept
    params.fit_params = False
    params.ui = False
    params.verbosity = -1
    return xllamacpp.Server(params)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
