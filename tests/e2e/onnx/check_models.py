#!/usr/bin/python3
"""Every exported model passes onnx's checker, shape inference included."""
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "tools"))
import case  # noqa: E402

try:
    import onnx
except ImportError:
    onnx = None
    print("skipped: the Python module onnx is not installed (Debian package python3-onnx)")


@unittest.skipUnless(onnx, "no module onnx")
class Models(unittest.TestCase):
    def check_all(self, writer, at_least):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([os.environ[writer], folder], check=True)
            names = sorted(name for name in os.listdir(folder) if name.endswith(".onnx"))
            self.assertGreaterEqual(len(names), at_least)
            for name in names:
                with self.subTest(name):
                    onnx.checker.check_model(os.path.join(folder, name), full_check=True)

    def test_the_checker_accepts_every_layer(self):
        self.check_all("WRITE_MODELS", 8)

    def test_the_checker_accepts_every_exported_model(self):
        self.check_all("WRITE_EXPORTS", 12)


if __name__ == "__main__":
    case.main()
