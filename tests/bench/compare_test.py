"""Tests of bench/compare, on made-up files, a made-up program, and real ones.

compare_test.py COMPARE [FOLDER], the folder holding the benchmark programs if they are built.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

COMPARE = os.path.abspath(sys.argv.pop(1))
PROGRAMS = pathlib.Path(sys.argv.pop(1)).resolve() if len(sys.argv) > 1 else None

ROUND = "ABaaBA"


def row(name, time, unit="ns", cpu=None, **more):
    return {"name": name, "run_name": name, "run_type": "iteration", "real_time": time,
            "cpu_time": time if cpu is None else cpu, "time_unit": unit, **more}


class Made(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)

    def compare(self, *options, status=0):
        done = subprocess.run([COMPARE, *map(str, options)], capture_output=True, text=True, cwd=self.folder)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout if status < 2 else done.stderr

    def write(self, rows_of, rounds=6, suite="made"):
        """What --save leaves; rows_of(side, round, position) are the rows of one process."""
        folder = self.folder / "saved"
        folder.mkdir(exist_ok=True)
        for r in range(rounds):
            for position, side in enumerate(ROUND):
                rows = rows_of(side, r, position)
                text = rows if isinstance(rows, str) else json.dumps({"context": {}, "benchmarks": rows})
                (folder / f"{suite}-{r + 1:03}-{position}-{side}.json").write_text(text)
        return folder

    def line(self, text, name):
        """The first line of ratios that ends with the row's name, without that."""
        lines = [line for line in text.splitlines() if "[" in line and line.endswith("  " + name)]
        self.assertTrue(lines, f"{name} is not in\n{text}")
        return lines[0][:-len(name)].split()


class Ratios(Made):
    def test_known_ratios(self):
        def rows(side, r, position):
            speedup = 1.25 if side == "B" else 1
            return [row("one", 100 / speedup), row("two", 100 * speedup), row("same", 50)]

        text = self.compare("--read", self.write(rows))
        self.assertEqual(self.line(text, "one"), "* 1.250 [1.250, 1.250] 1.000 [1.000, 1.000] 100".split())
        self.assertEqual(self.line(text, "two"), "* 0.800 [0.800, 0.800] 1.000 [1.000, 1.000] 100".split())
        self.assertEqual(self.line(text, "same"), "1.000 [1.000, 1.000] 1.000 [1.000, 1.000] 50".split())
        self.assertIn("geometric mean: 1.000 [1.000, 1.000], of A with itself: 1.000 [1.000, 1.000]\n", text)
        self.assertIn("slower beyond the A/A noise: 1\n  0.800 [0.800, 0.800]  A/A 1.000 [1.000, 1.000]  two\n", text)
        self.assertIn("faster beyond the A/A noise: 1\n  1.250 [1.250, 1.250]  A/A 1.000 [1.000, 1.000]  one\n", text)
        self.assertIn("96.9 %", text)

    def test_medians_and_intervals(self):
        """The ratios of nine rounds, and the pair of order statistics that holds the median with 96.1 %."""
        speedups = [1.30, 1.01, 1.02, 1.06, 1.04, 1.05, 1.03, 1.07, 0.70]
        noises = [0.90, 0.96, 0.97, 0.98, 1.00, 1.02, 1.03, 1.04, 1.10]

        def rows(side, r, position):
            return [row("row", {"A": 100, "B": 100 / speedups[r], "a": 100 / noises[r]}[side])]

        text = self.compare("--read", self.write(rows, rounds=9))
        self.assertEqual(self.line(text, "row"), "1.040 [1.010, 1.070] 1.000 [0.960, 1.040] 100".split())
        self.assertIn("96.1 %", text)
        self.assertIn("of A with itself: 1.000 [0.960, 1.040]", text)

    def test_steady_drift_is_no_difference(self):
        def rows(side, r, position):
            return [row("row", 100 * 1.07 ** (len(ROUND) * r + position))]

        text = self.compare("--read", self.write(rows))
        self.assertEqual(self.line(text, "row")[:6], "1.000 [1.000, 1.000] 1.000 [1.000, 1.000]".split())

    def test_noise(self):
        """A difference that A has with itself as well is none, and that of other rows counts."""
        def rows(side, r, position):
            sign = 1 if r % 2 else -1
            return [row("noisy", 100 / (1.05 if side == "B" else 1 + sign * 0.06 if side == "a" else 1)),
                    row("quiet", 100 / (1.02 if side == "B" else 1)),
                    *(row(f"shifted{i}", 100 / (1.03 if side == "a" else 1)) for i in range(18))]

        text = self.compare("--read", self.write(rows))
        self.assertIn("A/A noise: 95 % of the rows are within 3.0 % of 1\n", text)
        self.assertIn("slower beyond the A/A noise: none\nfaster beyond the A/A noise: none\n", text)

        def less_noise(side, r, position):
            return [row("quiet", 100 / (1.02 if side == "B" else 1.001 if side == "a" else 1))]

        text = self.compare("--read", self.write(less_noise))
        self.assertIn("A/A noise: 95 % of the rows are within 0.1 % of 1\n", text)
        self.assertIn("faster beyond the A/A noise: 1\n", text)

    def test_too_few_rounds(self):
        folder = self.write(lambda side, r, position: [row("row", 80 if side == "B" else 100)], rounds=4)
        text = self.compare("--read", folder)
        self.assertIn("beyond the A/A noise: unknown, as 5 rounds are needed\n", text)
        self.assertNotIn("*  ", text)
        self.assertIn("need 5 rounds", self.compare("--read", folder, "--worst", 0.5, status=2))

    def test_suites_are_one_comparison(self):
        self.write(lambda side, r, position: [row("first", 50 if side == "B" else 100)], suite="one")
        folder = self.write(lambda side, r, position: [row("second", 100 if side == "B" else 50)], suite="two")
        self.assertIn("rows: 2\ngeometric mean: 1.000 ", self.compare("--read", folder))


class Rows(Made):
    def compare_two(self, a, b):
        for name, rows in (("a.json", a), ("b.json", b)):
            (self.folder / name).write_text(json.dumps({"benchmarks": rows}))
        return self.compare("a.json", "b.json")

    def test_units(self):
        text = self.compare_two([row("one", 2, "us"), row("two", 3, "ms"), row("three", 1, "s")],
                                [row("one", 1000), row("two", 1500, "us"), row("three", 500, "ms")])
        for name, time in (("one", "2000"), ("two", "3000000"), ("three", "1000000000")):
            self.assertEqual(self.line(text, name), f"2.000 [2.000, 2.000] not measured {time}".split())

    def test_wall_clock_and_appended_names(self):
        """An older build without UseRealTime is compared by the same clock."""
        text = self.compare_two([row("gemv/in:8/threads:1", 100, cpu=70)],
                                [row("gemv/in:8/threads:1/real_time", 50, cpu=50)])
        self.assertEqual(self.line(text, "gemv/in:8/threads:1")[0], "2.000")
        text = self.compare_two([row("train/threads:1/iterations:1/repeats:3/manual_time", 3)],
                                [row("train/threads:1", 3)])
        self.assertEqual(self.line(text, "train/threads:1")[0], "1.000")

    def test_counters(self):
        text = self.compare_two([row("latency/iterations:1", 5e7, p50_ns=200, p99_9_ns=900)],
                                [row("latency/iterations:1", 9e9, p50_ns=100, p99_9_ns=1000)])
        self.assertEqual(self.line(text, "latency p50_ns"), "2.000 [2.000, 2.000] not measured 200".split())
        self.assertEqual(self.line(text, "latency p99_9_ns"), "0.900 [0.900, 0.900] not measured 900".split())
        self.assertIn("rows: 2\n", text)
        text = self.compare_two([row("threads", 5, times_faster=1.0)], [row("threads", 5, times_faster=1.5)])
        self.assertEqual(self.line(text, "threads times_faster"), "1.500 [1.500, 1.500] not measured".split())

    def test_repetitions(self):
        """Their median, whether the file has them or only that."""
        median = {**row("row", 20), "name": "row_median", "run_type": "aggregate", "aggregate_name": "median"}
        mean = {**row("row", 99), "name": "row_mean", "run_type": "aggregate", "aggregate_name": "mean"}
        for a in ([row("row", 10), row("row", 20), row("row", 90), mean], [mean, median]):
            self.assertEqual(self.line(self.compare_two(a, [row("row", 10)]), "row")[0], "2.000")

    def test_rows_of_one_side(self):
        text = self.compare_two([row("both", 1), row("old", 1)], [row("both", 1), row("new/a", 1), row("new/b", 1)])
        self.assertIn("only in A: 1\n  old\n", text)
        self.assertIn("only in B: 2\n  new/a\n  new/b\n", text)
        self.assertIn("rows: 1\n", text)

    def test_errors_are_left_out(self):
        text = self.compare_two(
            [row("good", 1), row("bad", 1), row("zero", 0), row("skipped", 1)],
            [row("good", 1), row("bad", 0, error_occurred=True, error_message="no memory"), row("zero", 1),
             row("skipped", 0, skipped=True, skip_message="no such ISA")])
        self.assertIn("left out: 3\n", text)
        self.assertIn("  bad: no value in 1 of 2 processes, first of B: no memory\n", text)
        self.assertIn("  zero: no value in 1 of 2 processes, first of A: its value is 0\n", text)
        self.assertIn("first of B: no such ISA\n", text)

    def test_a_row_that_one_process_lacks_is_left_out(self):
        def rows(side, r, position):
            return [row("row", 1), *([] if (side, r) == ("B", 2) else [row("rare", 1)])]

        text = self.compare("--read", self.write(rows))
        self.assertIn("  rare: no value in 2 of 36 processes, first of B: not in the output\n", text)

    def test_without_noise_nothing_is_beyond_it(self):
        text = self.compare_two([row("row", 100)], [row("row", 10)])
        self.assertIn("beyond the A/A noise: unknown", text)
        self.assertIn("A compared with itself", self.compare("a.json", "b.json", "--at-least", 1, status=2))

    def test_what_cannot_be_compared(self):
        def check(text, *parts):
            (self.folder / "a.json").write_text(text)
            (self.folder / "b.json").write_text(json.dumps({"benchmarks": [row("row", 1)]}))
            error = self.compare("a.json", "b.json", status=2)
            self.assertEqual(error.count("\n"), 1, error)
            for part in parts:
                self.assertIn(part, error)

        check("", "no row was measured on both sides")
        for text in ("{", "[]", "{}", '{"benchmarks": 3}', "model name: x"):
            check(text, "a.json", "no JSON of Google Benchmark")
        check(json.dumps({"benchmarks": [row("row", 1, unit="fortnights")]}), "a.json", "fortnights")
        check(json.dumps({"benchmarks": [{"name": "row", "time_unit": "ns"}]}), "a.json", "real_time")
        for value in (None, "fast"):
            check(json.dumps({"benchmarks": [row("row", value)]}), "a.json", "no row of Google Benchmark")
        check(json.dumps({"benchmarks": [row("another", 1)]}), "no row was measured on both sides")


class Limits(Made):
    def folder_with(self, *ratios):
        return self.write(lambda side, r, position: [
            row(f"row{i}", 100 / (ratio if side == "B" else 1)) for i, ratio in enumerate(ratios)])

    def test_at_least(self):
        folder = self.folder_with(0.98, 0.98)
        self.compare("--read", folder, "--at-least", 0.97)
        self.assertIn("NOT MET: the geometric mean 0.9800 is under 0.99\n",
                      self.compare("--read", folder, "--at-least", 0.99, status=1))

    def test_worst(self):
        folder = self.folder_with(1.1, 1.1, 0.95)
        self.compare("--read", folder, "--worst", 0.94, "--at-least", 1)
        self.assertIn("NOT MET: 0.9500 is under 0.96 beyond the A/A noise: row2\n",
                      self.compare("--read", folder, "--worst", 0.96, "--at-least", 1, status=1))

    def test_worst_within_the_noise(self):
        def rows(side, r, position):
            return [row("row", 100 / (0.9 if side == "B" else 1.2 if side == "a" else 1))]

        self.compare("--read", self.write(rows), "--worst", 0.96)


# Writes a row whose time tells A from B, and says how it was called.
PROGRAM = """#!{python}
import json, os, sys
log = open("{log}", "a")
print(json.dumps({{"name": "{name}", "cpus": sorted(os.sched_getaffinity(0)), "isa": os.environ.get("DENSIMD_ISA"),
                  "arguments": sys.argv[1:]}}), file=log)
out = [a.split("=")[1] for a in sys.argv if a.startswith("--benchmark_out=")][0]
json.dump({{"benchmarks": [{{"name": "row", "real_time": {time}, "cpu_time": 1, "time_unit": "ns"}}]}}, open(out, "w"))
"""


class Programs(Made):
    def program(self, name, time):
        path = self.folder / name / "bench" / "densimd_bench_kernels"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(PROGRAM.format(python=sys.executable, log=self.folder / "log", name=name, time=time))
        path.chmod(0o755)
        return path

    def log(self):
        return [json.loads(line) for line in (self.folder / "log").read_text().splitlines()]

    def test_schedule_and_setting(self):
        old, new = self.program("old", 30), self.program("new", 20)
        cpu = min(os.sched_getaffinity(0))
        text = self.compare(old, new, "--rounds", 5, "--cpu", cpu, "--isa", "avx2", "--filter", "gemv",
                            "--min-time", 0.25, "--repetitions", 3, "--save", "kept")
        self.assertEqual(self.line(text, "row"), "* 1.500 [1.500, 1.500] 1.000 [1.000, 1.000] 30".split())
        runs = self.log()
        self.assertEqual([run["name"] for run in runs], ["old", "new", "old", "old", "new", "old"] * 5)
        for run in runs:
            self.assertEqual((run["cpus"], run["isa"]), ([cpu], "avx2"))
            for argument in ("--benchmark_filter=gemv", "--benchmark_min_time=0.25", "--benchmark_repetitions=3"):
                self.assertIn(argument, run["arguments"])
        self.assertIn(f"CPU {cpu}, DENSIMD_ISA avx2, 5 rounds of A B A A B A", text)
        self.assertEqual(self.compare("--read", "kept"), text)
        self.assertIn("not empty", self.compare(old, new, "--save", "kept", status=2))

    def test_folders(self):
        for name, time in (("old", 30), ("new", 20)):
            self.program(name, time)
        for folders in (("old", "new"), ("old/bench", "new/bench")):
            self.assertIn("* 1.500", self.compare(*folders, "--suite", "kernels", "--rounds", 5))
        self.assertEqual(len(self.log()[-1]["cpus"]), 1)
        self.assertIn("--benchmark_filter=-/threads:([2-9]|1[0-9])", self.log()[-1]["arguments"])
        self.assertIn("densimd_bench_training", self.compare("old", "new", status=2))

    def test_programs_that_fail(self):
        good, bad = self.program("old", 1), self.program("new", 1)
        bad.write_text("#!/bin/sh\necho gemv: the result is 1, expected 2 >&2\nexit 1\n")
        self.assertIn("ended with status 1: gemv: the result is 1, expected 2", self.compare(good, bad, status=2))
        bad.write_text("#!/bin/sh\n")
        self.assertIn("wrote no", self.compare(good, bad, status=2))
        bad.chmod(0o644)
        self.assertIn("cannot be run", self.compare(good, bad, status=2))
        self.assertIn("no such file", self.compare(good, "nowhere", status=2))
        self.assertIn("pinned", self.compare(good, good, "--cpu", 99999, status=2))

    @unittest.skipIf(PROGRAMS is None, "the benchmarks are not built")
    def test_real_programs(self):
        text = self.compare(PROGRAMS, PROGRAMS, "--rounds", 1, "--repetitions", 1, "--min-time", 0.001, "--filter",
                            "^(gemv/.*/in:8/out:16|predict/f32/isa.*/net:8-16-1)/")
        self.assertRegex(text, r"  gemv/f32/isa:\w+/batch:1/in:8/out:16\n")
        self.assertRegex(text, r"  predict/f32/isa:\w+/net:8-16-1/batch:1/threads:1\n")
        self.assertNotIn("left out", text)
        self.assertNotIn("only in", text)


if __name__ == "__main__":
    unittest.main()
