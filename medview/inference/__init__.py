"""Models on pictures: the gate, the networks, what they answer. All of medview that imports ONNX Runtime is in here."""

import os

# Read when ONNX Runtime is imported. Without it, it collects what is run for its makers, and leaves a file of its own
# in the temporary folder.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
