"""ONNX Runtime: sessions, threads, and which provider really runs."""

from __future__ import annotations

import ctypes
import logging
import os
import sys
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Device = Literal["auto", "cpu", "cuda"]
DEVICES: tuple[Device, ...] = ("auto", "cpu", "cuda")
CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"

log = logging.getLogger(__name__)


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


class Network:
    """One loaded network. `run` may be called from any thread, ONNX Runtime sessions are thread-safe."""

    def __init__(self, data: bytes, device: Device = "auto") -> None:
        """Load a serialised ONNX model. Raises whatever ONNX Runtime raises for a file that is none."""
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads = physical_cores()
        options.inter_op_num_threads = 1
        # Spinning threads cost twice the time on a machine that does something else as well (reference/perf.md, 2).
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        providers = [CUDA, CPU] if device != "cpu" and cuda_usable() else [CPU]
        self._session = ort.InferenceSession(data, options, providers=providers)
        self._input = self._session.get_inputs()[0].name
        self.outputs = tuple(output.name for output in self._session.get_outputs())

    @property
    def provider(self) -> str:
        """The provider that runs the network, as ONNX Runtime reports it after loading."""
        return str(self._session.get_providers()[0])

    def run(self, tensor: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
        """Outputs by name for one input tensor (1, 3, rows, cols)."""
        values = self._session.run(None, {self._input: tensor})
        return dict(zip(self.outputs, values, strict=True))
