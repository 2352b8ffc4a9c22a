"""tools/check-exports compares a library with the headers beside it. Both are made up here."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import case

ROOT = pathlib.Path(os.environ["TREADLE_ROOT"])


class CheckExports(unittest.TestCase):
    def run_on(self, header, source):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            (folder / "include/treadle").mkdir(parents=True)
            (folder / "include/treadle/a.h").write_text(header, encoding="utf-8")
            (folder / "a.c").write_text(source, encoding="utf-8")
            subprocess.run(["gcc", "-shared", "-fPIC", folder / "a.c", "-o",
                            folder / "libtreadle.so.0.1.0"], check=True)
            done = subprocess.run([sys.executable, ROOT / "tools/check-exports", folder],
                                  cwd=folder, capture_output=True, text=True, check=False)
            return done.returncode, done.stdout + done.stderr

    def test_a_library_that_exports_what_is_declared_passes_in_silence(self):
        self.assertEqual(self.run_on("int tdl_a(int x);\n", "int tdl_a(int x) { return x; }\n"),
                         (0, ""))

    def test_a_declared_function_that_is_not_exported_is_named(self):
        code, said = self.run_on("int tdl_a(int x);\nconst char *tdl_b(void);\n",
                                 "int tdl_a(int x) { return x; }\n")
        self.assertEqual(code, 1)
        self.assertIn("tdl_b is declared", said)

    def test_an_exported_function_that_is_not_declared_is_named(self):
        code, said = self.run_on("int tdl_a(int x);\n",
                                 "int tdl_a(int x) { return x; }\nint tdl_inner(void) { return 1; }\n")
        self.assertEqual(code, 1)
        self.assertIn("tdl_inner is exported", said)

    def test_a_folder_without_the_library_is_a_failure(self):
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run([sys.executable, ROOT / "tools/check-exports", folder],
                                  capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn("build it first", done.stdout)

    def test_names_in_comments_and_macros_are_no_declarations(self):
        header = ("/* see tdl_gone() */ // and tdl_away()\n"
                  "#define TDL_X(x) \\\n    tdl_helper(x)\nint tdl_a(int x);\n")
        self.assertEqual(self.run_on(header, "int tdl_a(int x) { return x; }\n"), (0, ""))


if __name__ == "__main__":
    case.main()
