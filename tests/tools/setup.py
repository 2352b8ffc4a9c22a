"""tools/setup in a made-up tree, with made-up Debian tools: nothing on this machine is changed."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import case

ROOT = pathlib.Path(os.environ["TREADLE_ROOT"])
PACKAGES = """# profile package reason
build gcc the compiler
build libsodium-dev keys
demo r-base-core the ratings
test chromium a browser
check clang-tidy analysis
"""
# Each of these writes what it was asked into the file `calls`.
SHIMS = {
    "dpkg-query": 'case " $MISSING " in *" $4 "*) exit 1 ;; esac; echo "install ok installed"',
    "apt-cache": 'case " $UNKNOWN " in *" $2 "*) exit 100 ;; esac',
    "apt-get": 'echo "apt-get $*" >>"$CALLS"\n'
               'case $1 in download) exec touch r-cran-dslabs_1_all.deb ;; esac',
    "sudo": 'echo "sudo $1" >>"$CALLS"; exec "$@"',
    "id": 'echo "${WHO:-0}"',
    "dpkg-deb": 'mkdir -p "$3"',
    "Rscript": 'to=$(printf "%s" "$*" | sed "s/.*movielens, .\\([^,]*\\).,.*/\\1/")\n'
               'printf "movieId,title\\n1,A\\n2,B\\n" >"$to"',
}


class Setup(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        (self.folder / "tree/tools").mkdir(parents=True)
        shutil.copy(ROOT / "tools/setup", self.folder / "tree/tools/setup")
        (self.folder / "tree/tools/packages.txt").write_text(PACKAGES, encoding="utf-8")
        # Silent as the real one is when all tables are there; export_tables.py judges that one.
        tables = self.folder / "tree/tools/export-tables"
        tables.write_text('#!/bin/sh\n[ -z "$TABLES" ] || echo "export-tables $*" >>"$CALLS"\n'
                          'exit "${TABLES:-0}"\n', encoding="utf-8")
        tables.chmod(0o755)
        self.ratings = self.folder / "tree/.cache/data/movielens.csv"
        self.bin = self.folder / "bin"
        self.bin.mkdir()
        for name, text in SHIMS.items():
            (self.bin / name).write_text("#!/bin/sh\n" + text + "\n", encoding="utf-8")
            (self.bin / name).chmod(0o755)

    def have_ratings(self):
        self.ratings.parent.mkdir(parents=True)
        self.ratings.write_text("kept\n", encoding="utf-8")

    def run_setup(self, *words, path=":/usr/bin:/bin", **env):
        """What it answered: exit code, stdout, stderr, calls of apt-get and sudo."""
        calls = self.folder / "calls"
        calls.write_text("", encoding="utf-8")
        done = subprocess.run(
            ["/bin/sh", self.folder / "tree/tools/setup", *words], capture_output=True, text=True,
            check=False, stdin=subprocess.DEVNULL,
            env={"PATH": f"{self.bin}{path}", "CALLS": str(calls), "MISSING": "", "UNKNOWN": "",
                 **env})
        return done.returncode, done.stdout, done.stderr, calls.read_text(encoding="utf-8")

    def test_a_complete_machine_is_left_alone_in_silence(self):
        self.have_ratings()
        self.assertEqual(self.run_setup(), (0, "", "", ""))

    def test_a_dry_run_names_what_is_missing_and_changes_nothing(self):
        code, out, said, calls = self.run_setup("--dry-run", MISSING="gcc chromium")
        self.assertEqual((code, out, calls), (0, "", ""))
        self.assertIn("would install: chromium gcc", said)
        self.assertIn("r-cran-dslabs", said)
        self.assertFalse(self.ratings.exists())

    def test_only_what_is_missing_is_installed(self):
        self.have_ratings()
        code, _, _, calls = self.run_setup(MISSING="gcc")
        self.assertEqual(code, 0)
        self.assertRegex(calls, r"apt-get install .* gcc\n")
        self.assertNotIn("libsodium-dev", calls)

    def test_a_profile_asks_for_no_more_than_it_needs(self):
        self.have_ratings()
        missing = "chromium clang-tidy r-base-core"
        self.assertEqual(self.run_setup("build", MISSING=missing), (0, "", "", ""))
        self.assertIn("would install: r-base-core \n",
                      self.run_setup("--dry-run", "demo", MISSING=missing)[2])

    def test_all_packages_apt_does_not_know_are_named(self):
        code, _, said, calls = self.run_setup(MISSING="gcc libsodium-dev chromium",
                                              UNKNOWN="chromium gcc")
        self.assertEqual(code, 1)
        self.assertIn("chromium gcc", said)
        self.assertNotIn("apt-get install", calls)

    def test_who_is_not_root_uses_sudo(self):
        self.have_ratings()
        code, _, _, calls = self.run_setup(MISSING="gcc", WHO="1000")
        self.assertEqual(code, 0)
        self.assertIn("sudo env\n", calls)

    def test_without_root_and_sudo_the_packages_to_install_are_named(self):
        self.have_ratings()
        (self.bin / "sudo").unlink()
        for name in ("sh", "dirname", "grep", "sort", "tr", "find"):
            (self.bin / name).symlink_to(shutil.which(name))
        code, _, said, calls = self.run_setup(path="", MISSING="gcc", WHO="1000")
        self.assertEqual((code, calls), (1, ""))
        self.assertIn("install by hand: gcc", said)

    def test_ratings_that_differ_are_kept_with_a_warning(self):
        code, _, said, _ = self.run_setup("demo")
        self.assertEqual(code, 0)
        self.assertIn("WARNING", said)
        self.assertIn("expected 100004, found 2", said)
        self.assertEqual(self.ratings.read_text(encoding="utf-8"), "movieId,title\n1,A\n2,B\n")

    def test_ratings_already_there_are_not_fetched_again(self):
        self.have_ratings()
        self.assertEqual(self.run_setup("demo"), (0, "", "", ""))
        self.assertEqual(self.ratings.read_text(encoding="utf-8"), "kept\n")

    def test_tables_are_written_for_demo_and_test_alone(self):
        self.have_ratings()
        for profile, calls in (("demo", "export-tables \n"), ("test", "export-tables \n"),
                               ("build", ""), ("check", "")):
            self.assertEqual(self.run_setup(profile, TABLES="0")[3], calls, profile)
        self.assertEqual(self.run_setup("--dry-run", "test", TABLES="0")[3],
                         "export-tables --dry-run\n")

    def test_a_machine_without_the_tables_is_still_set_up(self):
        self.have_ratings()
        code, _, said, _ = self.run_setup("test", TABLES="1")
        self.assertEqual(code, 0)
        self.assertIn("export-tables failed", said)

    def test_an_unknown_word_is_refused_with_the_usage(self):
        code, _, said, calls = self.run_setup("everything")
        self.assertEqual((code, calls), (1, ""))
        self.assertIn("usage: tools/setup", said)


if __name__ == "__main__":
    case.main()
