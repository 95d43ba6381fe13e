"""ONNX Runtime: sessions, threads, and which provider really runs."""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from medview.core.texts import Text

Device = Literal["auto", "cpu", "cuda"]
CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"

log = logging.getLogger(__name__)

# No output of a sound network is as large: beyond it sums of squares and maps would no longer be numbers.
LARGEST_OUTPUT = 1e9


class BadAnswer(Exception):
    """A network that gives no usable numbers, or none in time; `why` continues a sentence about its model."""

    def __init__(self, why: Text) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True)
class Limits:
    """What a run of a network that is not medview's own may take: seconds, and bytes of memory for all such networks
    together."""

    seconds: float
    arena_bytes: int


# A shipped network takes 0.05 s and 100 MB at most.
OTHERS = Limits(20.0, 3 * 1024**3)


@cache
def physical_cores() -> int:
    """Cores this process may use, hyper-threads of one core counted once; at least 1."""
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))
    siblings = set()
    for cpu in allowed:
        path = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
        try:
            siblings.add(path.read_text())
        except OSError:
            # No such table (Windows, some containers): two threads a core is the usual build.
            return max(1, len(allowed) // 2) if sys.platform == "win32" else max(1, len(allowed))
    return max(1, len(siblings))


@cache
def cuda_usable() -> bool:
    """Whether CUDA may be asked for: this build offers it and the driver library loads.

    The build alone says nothing: onnxruntime-gpu names CUDA on machines without any GPU.
    """
    import onnxruntime as ort

    if CUDA not in ort.get_available_providers():
        return False
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    ort.preload_dlls()
    return True


@cache
def _bounded_arena(arena_bytes: int) -> None:
    """From now on networks can share an arena that gives no more memory than that: a size that depends on the picture
    is not known before a run."""
    import onnxruntime as ort

    memory = ort.OrtMemoryInfo("Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT)
    ort.create_and_register_allocator(memory, ort.OrtArenaCfg({"max_mem": arena_bytes, "arena_extend_strategy": 1}))


class Network:
    """One loaded network. `run` may be called from any thread, ONNX Runtime sessions are thread-safe.

    Attributes:
        outputs: names of the outputs.
        shapes: what every run must give, by output, once somebody has said so; else empty.
    """

    def __init__(self, data: bytes, device: Device = "auto", limits: Limits | None = None) -> None:
        """Load a serialised ONNX model, with `limits` of each run for one that is not medview's own. Raises whatever
        ONNX Runtime raises for a file that is none."""
        import onnxruntime as ort

        # On Windows the system collects for it.
        ort.disable_telemetry_events()
        options = ort.SessionOptions()
        options.intra_op_num_threads = physical_cores()
        options.inter_op_num_threads = 1
        # Spinning threads cost twice the time on a machine that does something else as well (reference/perf.md, 2).
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # Nor its own format, whose tensors may lie in other files.
        options.add_session_config_entry("session.load_model_format", "ONNX")
        # What goes wrong is raised as well; on stderr it would come between the lines of a table.
        options.log_severity_level = 4
        if limits is not None:
            _bounded_arena(limits.arena_bytes)
            options.add_session_config_entry("session.use_env_allocators", "1")
        providers = [CUDA, CPU] if device != "cpu" and cuda_usable() else [CPU]
        self._session = ort.InferenceSession(data, options, providers=providers)
        self._input = self._session.get_inputs()[0].name
        self._limits = limits
        self._was_late = False
        self.outputs = tuple(output.name for output in self._session.get_outputs())
        self.shapes: dict[str, tuple[int, ...]] = {}

    @property
    def provider(self) -> str:
        """The provider that runs the network, as ONNX Runtime reports it after loading."""
        return str(self._session.get_providers()[0])

    def run(self, tensor: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
        """Outputs by name for one input tensor (1, 3, rows, cols), every value of them a finite number. Raises
        BadAnswer, and whatever ONNX Runtime raises."""
        values = self._run(tensor)
        outputs = dict(zip(self.outputs, values, strict=True))
        for name, value in outputs.items():
            _check(name, value, self.shapes)
        return outputs

    def _run(self, tensor: NDArray[np.float32]) -> list[Any]:
        if self._limits is None:
            return list(self._session.run(None, {self._input: tensor}))
        if self._was_late:
            # Not once more for each of a thousand pictures.
            raise BadAnswer(Text("it had to be stopped on an earlier picture and is not asked again"))
        with _stopping(self._limits.seconds) as (run_options, late):
            try:
                return list(self._session.run(None, {self._input: tensor}, run_options))
            except Exception as error:
                if late.is_set():
                    self._was_late = True
                    why = Text("it did not answer within {limit:g} s and was stopped", limit=self._limits.seconds)
                    raise BadAnswer(why) from error
                raise


@contextlib.contextmanager
def _stopping(seconds: float) -> Iterator[tuple[Any, threading.Event]]:
    """Options of a run that ends by itself after some seconds, and whether it was ended so."""
    import onnxruntime as ort

    options, late = ort.RunOptions(), threading.Event()
    options.log_severity_level = 4

    def stop() -> None:
        late.set()
        options.terminate = True

    timer = threading.Timer(seconds, stop)
    timer.daemon = True
    timer.start()
    try:
        yield options, late
    finally:
        timer.cancel()


def _check(name: str, value: Any, shapes: dict[str, tuple[int, ...]]) -> None:
    """Raise BadAnswer for an output that is no array of usable numbers, or of another shape than it must have."""
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f":
        raise BadAnswer(Text("its output {name} is no array of numbers", name=name))
    if name in shapes and value.shape != shapes[name]:
        shape, wanted = str(value.shape), str(shapes[name])
        raise BadAnswer(
            Text("its output {name} has the shape {shape}, not {wanted}", name=name, shape=shape, wanted=wanted)
        )
    # Of NaN no comparison is true.
    if value.size and not -LARGEST_OUTPUT <= float(value.min()) <= float(value.max()) <= LARGEST_OUTPUT:
        raise BadAnswer(Text("its output {name} holds values that are no numbers", name=name))
