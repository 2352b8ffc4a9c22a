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
    def test_the_checker_accepts_every_model(self):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([os.environ["WRITE_MODELS"], folder], check=True)
            names = sorted(os.listdir(folder))
            self.assertGreaterEqual(len(names), 8)
            for name in names:
                with self.subTest(name):
                    onnx.checker.check_model(os.path.join(folder, name), full_check=True)


if __name__ == "__main__":
    case.main()
