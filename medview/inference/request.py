"""What the engine is asked about one frame: the value that window, command line, training and a queue hand to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from medview.imaging.study import Frame
from medview.inference.corrections import Correction

# In the place of a model's id: the models of the picture's kind, as the gate sees it.
AUTO = "auto"


@dataclass(frozen=True)
class AnalysisRequest:
    """One frame and all that its analysis depends on besides the models and the device.

    The device is not part of it: an engine holds its loaded models, and they are loaded onto one device, so that who
    wants another device wants another engine. Nor is the token: it says whether the answer is still wanted, which
    changes while the request does not. Requests compare and hash by all but `values`, which are those of `frame`
    wherever the file has not changed.

    Attributes:
        frame: the picture with its polarity, spacing and header, as the file has it, before any of the `corrections`.
        file: its path as the user gave it; the analysis carries it.
        values: modality values of `frame`, (rows, cols) or (rows, cols, 3), for a caller that has them; None has the
            engine decode the frame.
        model: id of the one model to ask, without its first stage; or `AUTO`.
        corrections: what is changed in the picture before gate and models see it.
        kind: what the user says that the picture is, one of `Engine.kinds()`: neither the header nor the gate's network
            has a say in that then, and the analysis records it. Empty leaves it to the gate.
        force: the models run although the gate refuses; the analysis records it, and its results are not valid.
        stability: with the range of each probability over small changes of the picture
            (`medview.inference.stability`), which takes several times as long.
    """

    frame: Frame
    file: str
    values: NDArray[Any] | None = field(default=None, repr=False, compare=False)
    model: str = AUTO
    corrections: tuple[Correction, ...] = ()
    kind: str = ""
    force: bool = False
    stability: bool = False
