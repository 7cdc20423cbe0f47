"""The models that we run: the NER model's life and the embedded open LLM. Imports none of our other packages.

ONNX Runtime's packages for Linux report to their maker (they open connections to a collector and leave ``.ses`` files
in the temporary directory). Only this variable stops it, and only if it is set before the library is loaded: its own
``disable_telemetry_events`` comes too late. So it is set here, before any of our modules can import onnxruntime.
"""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
