"""tools/export-tables in a made-up tree, with made-up Debian tools: nothing is fetched."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import case

ROOT = pathlib.Path(os.environ["TREADLE_ROOT"])
# Each of the first two writes what it was asked into the file `calls`; R writes a table of one cell.
SHIMS = {
    "apt-get": 'echo "apt-get $*" >>"$CALLS"\n[ -z "$OFFLINE" ] || exit 100\n'
               'case $1 in download) touch r-cran-made_1_all.deb ;; esac',
    "sudo": 'exec "$@"',
    "dpkg-deb": 'mkdir -p "$3"',
    "Rscript": 'cut -d" " -f1 "$3/wanted" | while read -r name; do echo x >"$3/$name.csv"; done',
}


class ExportTables(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        (self.folder / "tree/tools").mkdir(parents=True)
        shutil.copy(ROOT / "tools/export-tables", self.folder / "tree/tools/export-tables")
        self.data = self.folder / "tree/.cache/data"
        self.bin = self.folder / "bin"
        self.bin.mkdir()
        for name, text in SHIMS.items():
            (self.bin / name).write_text("#!/bin/sh\n" + text + "\n", encoding="utf-8")
            (self.bin / name).chmod(0o755)

    def run_export(self, *words, **env):
        """What it answered: exit code, stdout, stderr, calls of apt-get."""
        calls = self.folder / "calls"
        calls.write_text("", encoding="utf-8")
        done = subprocess.run(
            ["/bin/sh", self.folder / "tree/tools/export-tables", *words], capture_output=True,
            text=True, check=False, stdin=subprocess.DEVNULL,
            env={"PATH": f"{self.bin}:/usr/bin:/bin", "CALLS": str(calls), "OFFLINE": "", **env})
        return done.returncode, done.stdout, done.stderr, calls.read_text(encoding="utf-8")

    def test_a_dry_run_names_packages_and_tables_and_changes_nothing(self):
        code, out, said, calls = self.run_export("--dry-run")
        self.assertEqual((code, out, calls), (0, "", ""))
        for word in ("r-cran-lme4", "r-cran-modeldata", "InstEval", "Chicago"):
            self.assertIn(word, said)
        self.assertFalse(self.data.exists())

    def test_only_the_tables_asked_for_are_fetched(self):
        code, _, _, calls = self.run_export("HMDA")
        self.assertEqual((code, calls), (0, "apt-get download -qq r-cran-aer\n"))
        self.assertEqual([p.name for p in self.data.iterdir()], ["HMDA.csv"])

    def test_all_tables_are_written_at_once_and_not_again(self):
        self.assertEqual(self.run_export()[0], 0)
        self.assertEqual(len(list(self.data.iterdir())), 10)
        self.assertEqual(self.run_export(), (0, "", "", ""))

    def test_a_table_that_differs_is_kept_with_a_warning(self):
        code, _, said, _ = self.run_export("HMDA")
        self.assertEqual(code, 0)
        self.assertIn("WARNING: HMDA", said)
        self.assertEqual((self.data / "HMDA.csv").read_text(encoding="utf-8"), "x\n")

    def test_without_network_it_fails_with_the_packages_and_leaves_nothing(self):
        code, _, said, _ = self.run_export("HMDA", OFFLINE="1")
        self.assertEqual(code, 1)
        self.assertIn("cannot download the Debian packages: r-cran-aer", said)
        self.assertEqual(list(self.data.iterdir()), [])

    def test_an_unknown_table_is_refused_with_those_there_are(self):
        code, _, said, calls = self.run_export("iris")
        self.assertEqual((code, calls), (1, ""))
        self.assertIn("no table 'iris'; there are: wa_churn", said)


if __name__ == "__main__":
    case.main()
