"""tools/run-tests counts single cases and fails when it should. Meson is a script that writes a log."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import case

ROOT = pathlib.Path(os.environ["TREADLE_ROOT"])
PASSED = "[  PASSED  ] {} test(s)."
FAILED = "[  FAILED  ] {} test(s), listed below:"


class RunTests(unittest.TestCase):
    """`log` is what meson writes: one JSON object a test program."""

    def run_on(self, log):
        with tempfile.TemporaryDirectory() as folder:
            lines = "".join(json.dumps(entry) + "\n" for entry in log)
            pathlib.Path(folder, "log").write_text(lines, encoding="utf-8")
            meson = pathlib.Path(folder, "meson")
            meson.write_text('#!/bin/sh\nmkdir -p "$3/meson-logs"\n'
                             'cp "${0%/*}/log" "$3/meson-logs/testlog.json"\n', encoding="utf-8")
            meson.chmod(0o755)
            done = subprocess.run([sys.executable, ROOT / "tools/run-tests", folder + "/build"],
                                  capture_output=True, text=True, check=False,
                                  env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"})
            lines = done.stdout.splitlines()
            return done.returncode, lines[-1] if lines else done.stderr

    def entry(self, result="OK", stdout="", stderr=""):
        return {"name": "a", "result": result, "stdout": stdout, "stderr": stderr}

    def test_cases_of_all_programs_are_added_up(self):
        log = [self.entry(stderr=PASSED.format(3)), self.entry(stderr=PASSED.format(4))]
        self.assertEqual(self.run_on(log), (0, "7 passed, 0 failed"))

    def test_a_failed_case_fails_the_run(self):
        log = [self.entry("FAIL", stderr=PASSED.format(3) + "\n" + FAILED.format(2))]
        self.assertEqual(self.run_on(log), (1, "3 passed, 2 failed"))

    def test_cases_of_node_are_counted(self):
        log = [self.entry(stdout="# tests 6\n# pass 5\n# fail 0\n# skipped 1\n")]
        self.assertEqual(self.run_on(log), (0, "5 passed, 0 failed, 1 skipped"))

    def test_a_crash_after_passing_cases_counts_as_a_failure(self):
        log = [self.entry("FAIL", stderr=PASSED.format(3))]
        self.assertEqual(self.run_on(log), (1, "3 passed, 1 failed"))

    def test_a_time_out_counts_as_a_failure(self):
        self.assertEqual(self.run_on([self.entry("TIMEOUT")]), (1, "0 passed, 1 failed"))

    def test_a_program_that_counts_nothing_counts_as_one(self):
        self.assertEqual(self.run_on([self.entry()]), (0, "1 passed, 0 failed"))

    def test_no_test_at_all_is_a_failure(self):
        code, last = self.run_on([])
        self.assertNotEqual(code, 0)
        self.assertEqual(last, "0 passed, 0 failed")

    def test_everything_skipped_is_a_failure(self):
        code, last = self.run_on([self.entry("SKIP")])
        self.assertNotEqual(code, 0)
        self.assertEqual(last, "0 passed, 0 failed, 1 skipped")


if __name__ == "__main__":
    case.main()
