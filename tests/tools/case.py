"""Run unittest cases and print the counts that tools/run-tests adds up."""
import sys
import unittest


def main():
    result = unittest.main(module="__main__", exit=False, verbosity=2, argv=sys.argv[:1]).result
    failed = len(result.failures) + len(result.errors)
    print(f"# pass {result.testsRun - failed - len(result.skipped)}")
    print(f"# fail {failed}")
    print(f"# skipped {len(result.skipped)}")
    sys.exit(1 if failed or not result.testsRun else 0)
