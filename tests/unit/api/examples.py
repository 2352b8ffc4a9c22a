"""The examples print the right figures: usage: examples.py SIGMOID_LAYER LINE."""
import subprocess
import sys
import unittest

import case

SIGMOID_LAYER, LINE = sys.argv[1:]


def run(program):
    return subprocess.run([program], check=True, capture_output=True, text=True).stdout


class Examples(unittest.TestCase):
    def test_the_sigmoid_layer_prints_sigmoid_of_0_6_four_times(self):
        self.assertEqual(run(SIGMOID_LAYER).split(), ["0.6456563"] * 4)

    def test_the_line_goes_on_from_5_to_9(self):
        rows = [row.split(" -> ") for row in run(LINE).splitlines() if "->" in row]
        self.assertEqual([x for x, _ in rows], ["6", "7", "8", "9", "10"])
        for (_, y), expected in zip(rows, range(5, 10)):
            self.assertAlmostEqual(float(y), expected, delta=1e-3)


if __name__ == "__main__":
    case.main()
