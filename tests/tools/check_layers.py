"""tools/check-layers finds a wrong include. The trees are made up; the table is the real one."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import case

ROOT = pathlib.Path(os.environ["TREADLE_ROOT"])


class CheckLayers(unittest.TestCase):
    def run_on(self, files):
        with tempfile.TemporaryDirectory() as tree:
            for name, text in files.items():
                path = pathlib.Path(tree, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text + "\n", encoding="utf-8")
            done = subprocess.run([sys.executable, ROOT / "tools/check-layers", tree],
                                  capture_output=True, text=True, check=False)
            return done.returncode, done.stdout + done.stderr

    def accepts(self, files):
        self.assertEqual(self.run_on(files), (0, ""))

    def refuses(self, files, *words):
        code, said = self.run_on(files)
        self.assertEqual(code, 1, said)
        for word in words:
            self.assertIn(word, said)

    def test_an_include_of_a_lower_layer_passes_in_silence(self):
        self.accepts({"src/store/a.c": '#include "base/arena.h"'})

    def test_a_header_of_the_own_layer_passes(self):
        self.accepts({"src/store/a.c": '#include "store/store.h"\n#include "sqlite.h"'})

    def test_a_public_header_passes_everywhere(self):
        self.accepts({"src/base/a.c": '#include "treadle/status.h"'})

    def test_a_system_header_passes(self):
        self.accepts({"src/base/a.c": "#include <sys/types.h>\n#include <sodium.h>"})

    def test_an_include_of_a_higher_layer_is_named(self):
        self.refuses({"src/base/a.c": '#include "store/store.h"'}, "src/base/a.c", "store/store.h")

    def test_a_wrong_include_in_a_header_is_named(self):
        self.refuses({"src/tensor/a.h": '#  include "nn/op.h"'}, "src/tensor/a.h", "nn/op.h")

    def test_angle_brackets_hide_nothing(self):
        self.refuses({"src/base/a.c": "#include <store/store.h>"}, "store/store.h")

    def test_a_path_upwards_hides_nothing(self):
        self.refuses({"src/base/a.c": '#include "../store/store.h"'}, "../store/store.h")

    def test_one_header_of_a_layer_may_be_opened_to_another(self):
        self.accepts({"src/http/a.c": '#include "train/runs.h"'})
        self.refuses({"src/http/a.c": '#include "train/loop.h"'}, "train/loop.h")

    def test_one_app_may_not_include_another(self):
        self.refuses({"src/apps/price/a.c": '#include "apps/recommend/rung.h"'},
                     "apps/recommend/rung.h")

    def test_an_app_may_include_the_contract_of_apps(self):
        self.accepts({"src/apps/price/a.c": '#include "apps/app.h"'})

    def test_the_loop_may_not_include_an_app(self):
        self.refuses({"src/loop/a.c": '#include "apps/recommend/rung.h"'}, "apps/recommend/rung.h")

    def test_one_protocol_may_not_include_another(self):
        self.refuses({"src/wire/segment/a.c": '#include "wire/native/native.h"'},
                     "wire/native/native.h")

    def test_what_protocols_share_lies_beside_them(self):
        self.accepts({"src/wire/body.c": '#include "store/store.h"',
                      "src/wire/segment/a.c": '#include "wire/body.h"'})

    def test_what_protocols_share_knows_none_of_them(self):
        self.refuses({"src/wire/body.c": '#include "wire/segment/segment.h"'},
                     "wire/segment/segment.h")

    def test_a_folder_that_is_not_in_the_table_is_named(self):
        self.refuses({"src/utils/a.c": "int x;"}, "src/utils/a.c", "layers.txt")

    def test_a_public_header_includes_nothing_of_ours(self):
        self.refuses({"include/treadle/a.h": '#include "base/arena.h"'},
                     "include/treadle/a.h", "base/arena.h")


if __name__ == "__main__":
    case.main()
