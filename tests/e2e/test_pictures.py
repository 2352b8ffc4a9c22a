"""A model of pictures by the command line: small IDX files are made up, bright at the left or right."""
import json
import os
import pathlib
import random
import struct
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.environ["TREADLE_CASE"])
import case  # pylint: disable=wrong-import-position

TREADLE = os.environ["TREADLE_BIN"]
SIDE = 8


def write_pictures(folder, name, n, seed):
    """n pictures of two kinds in turn, with labels, as MNIST's files are laid out."""
    rng = random.Random(seed)
    pixels = bytearray()
    for i in range(n):
        for at in range(SIDE * SIDE):
            bright = (at % SIDE < SIDE // 2) == (i % 2 == 0)
            pixels.append(rng.randrange(120, 256) if bright else rng.randrange(0, 136))
    images = folder / f"{name}-images-idx3-ubyte"
    images.write_bytes(struct.pack(">4B3I", 0, 0, 8, 3, n, SIDE, SIDE) + pixels)
    (folder / f"{name}-labels-idx1-ubyte").write_bytes(
        struct.pack(">4BI", 0, 0, 8, 1, n) + bytes(i % 2 for i in range(n)))
    return images


class Pictures(unittest.TestCase):
    def run_treadle(self, *words):
        done = subprocess.run([TREADLE, *map(str, words), "--quiet"], capture_output=True,
                              text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_a_network_learns_from_pictures_and_answers_for_others(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            model = folder / "sides.safetensors"
            train = write_pictures(folder, "train", 200, 1)
            others = write_pictures(folder, "others", 40, 2)
            said = self.run_treadle("fit", train, "--target", "label", "--model", "cnn",
                                    "--folds", 2, "--output", model)
            self.assertRegex(said, r"serves: (cnn|blend)")
            answers = self.run_treadle("predict", others, "--model", model).splitlines()
            self.assertEqual([line.split('"')[3] for line in answers], ["0", "1"] * 20)

    def test_pixels_share_out_the_whole_score(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            train = write_pictures(folder, "train", 60, 1)
            self.run_treadle("fit", train, "--target", "label", "--model", "cnn", "--folds", 2,
                             "--output", folder / "m.safetensors")
            said = json.loads(self.run_treadle("explain", train, "--model", folder / "m.safetensors",
                                               "--row", 1, "--json"))
            shares = [x for row in said["pixels"]["attribution"] for x in row]
            self.assertEqual(len(shares), SIDE * SIDE)
            self.assertGreater(abs(said["score"] - said["base"]), 0.1)
            self.assertAlmostEqual(sum(shares), said["score"] - said["base"],
                                   delta=0.02 * abs(said["score"] - said["base"]))


if __name__ == "__main__":
    case.main()
