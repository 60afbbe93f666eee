"""Tests of the benchmark report on made-up files. report_test.py REPORT"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

REPORT = os.path.abspath(sys.argv.pop(1))


def row(name, time, unit="ns", cpu=None, **more):
    return {"name": name, "run_name": name, "run_type": "iteration", "family_index": 0, "repetitions": 1,
            "iterations": 10, "threads": 1, "real_time": time, "cpu_time": time if cpu is None else cpu,
            "time_unit": unit, **more}


def aggregate(name, kind, time, **more):
    return {**row(name, time, **more), "name": f"{name}_{kind}", "run_type": "aggregate", "aggregate_name": kind}


def gemv(tail="", **more):
    return row("gemv/f32/isa:avx2/batch:1/in:8/out:16" + tail, **more)


class Report(unittest.TestCase):
    def report(self, kernels=None, training=None, peers=None, status=0, context={}):
        """The report on rows, or on a file's text; an empty file without either."""
        with tempfile.TemporaryDirectory() as folder:
            paths = []
            for name, rows in (("kernels", kernels), ("training", training), ("peers", peers)):
                path = pathlib.Path(folder) / f"{name}.json"
                text = rows if isinstance(rows, str) else json.dumps({"context": context, "benchmarks": rows})
                path.write_text("" if rows is None else text)
                paths.append(path)
            done = subprocess.run([REPORT, *paths], capture_output=True, text=True)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stderr if status else done.stdout

    def cells(self, text, *beginning):
        """Those of the table's line that begins with these."""
        for line in text.splitlines():
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if line.startswith("|") and cells[:len(beginning)] == list(beginning):
                return cells[len(beginning):]
        self.fail(f"{beginning} is not in\n{text}")

    def check_error(self, *parts, **files):
        error = self.report(status=2, **files)
        self.assertEqual(error.count("\n"), 1, error)
        for part in parts:
            self.assertIn(part, error)


class Clock(Report):
    """100 ns of wall time and 80 of CPU time for 1200 operations, at 60 % of the roof by the wall clock."""

    def check(self, text):
        self.assertEqual(self.cells(text, "gemv", "avx2", "1", "8", "16"), ["100.0", "", "12.0", "60", ""])
        self.assertIn("Every time is the wall clock's (real_time)", text)

    def test_rates_of_the_wall_clock(self):
        for tail in ("/real_time", "/manual_time", "/iterations:7/real_time"):
            self.check(self.report(kernels=[gemv(tail, time=100, cpu=80, flops=12e9, percent_of_roof=60)]))

    def test_rates_of_cpu_time_are_converted(self):
        self.check(self.report(kernels=[gemv(time=100, cpu=80, flops=15e9, percent_of_roof=75)]))

    def test_units(self):
        for unit, time, cpu in (("us", 0.1, 0.08), ("ms", 1e-4, 0.8e-4), ("s", 1e-7, 0.8e-7)):
            self.check(self.report(kernels=[gemv(time=time, cpu=cpu, unit=unit, flops=15e9, percent_of_roof=75)]))
        self.check_error("kernels.json", "fortnights", kernels=[gemv(time=1, unit="fortnights")])

    def test_peers(self):
        def rows(unit, scale):
            return [row("gemv/f32/by:densimd/isa:avx2/batch:1/in:8/out:16", 100 * scale, unit, cpu=50 * scale,
                        percent_of_peak=30),
                    row("gemv/f32/by:eigen/batch:1/in:8/out:16/real_time", 300 * scale, unit, cpu=99 * scale)]

        for unit, scale in (("ns", 1), ("us", 1e-3)):
            self.assertEqual(self.cells(self.report(peers=rows(unit, scale)), "1", "8", "16"),
                             ["100", "300", "eigen", "3.00", "15.0"])

    def test_training(self):
        text = self.report(training=[
            row("train/f32/isa:avx2/net:8-1/batch:1/threads:1/manual_time", 5, "us", cpu=9, ns_per_sample=5),
            row("train/f32/isa:avx2/net:8-1/batch:256/threads:1/manual_time", 2, "us", cpu=9, ns_per_sample=2),
            row("predict/f32/isa:avx2/net:8-1/batch:1/threads:1", 40, cpu=20, ns_per_sample=10)])
        self.assertEqual(self.cells(text, "8-1", "avx2", "1"), ["5.0", "", "2.0", "2.50"])
        self.assertIn("| 8-1 | 1 | 20.0 avx2 |", text)

    def test_medians(self):
        name = "gemv/f32/isa:avx2/batch:1/in:8/out:16/real_time"
        text = self.report(kernels=[
            row(name, 90, repetitions=3), row(name, 100, repetitions=3), row(name, 170, repetitions=3),
            aggregate(name, "mean", 120), aggregate(name, "median", 0.1, unit="us", flops=12e9),
            aggregate(name, "cv", 0.25, unit="us", flops=0.1)])
        self.assertEqual(self.cells(text, "gemv", "avx2", "1", "8", "16"), ["100.0", "25.0", "12.0", "", ""])
        self.assertEqual(text.count("| gemv |"), 1)


class Missing(Report):
    def test_empty_files(self):
        for empty in (None, [], "\n"):
            text = self.report(kernels=[gemv(time=100)], training=empty, peers=empty)
            self.assertIn("\ntraining.json holds no benchmark.\n", text)
            self.assertIn("\npeers.json holds no benchmark.\n", text)
            self.assertEqual(text.count("\n|---"), 1, "only the kernels' table")
            for part in ("Training", "Latency", "worst", "its peers"):
                self.assertNotIn(part, text)

    def test_nothing_at_all(self):
        self.check_error("none of the files holds a benchmark")

    def test_parts_of_training(self):
        text = self.report(training=[row("latency/f32/isa:avx2/net:8-1/call:clock/iterations:1", 1e9, p50_ns=25,
                                         p99_9_ns=31)])
        self.assertEqual(self.cells(text, "8-1", "avx2", "clock"), ["25", "31"])
        self.assertIn("\ntraining.json has no rows of train, engine, threads, predict.\n", text)
        self.assertEqual(text.count("\n|---"), 1)
        self.assertNotIn("The worst is", text)

    def test_cells(self):
        """Neither 0 nor infinity stands for what was not measured."""
        text = self.report(training=[
            row("train/f32/isa:avx2/net:8-1/batch:1/threads:1/manual_time", 5, ns_per_sample=5),
            row("engine/f32/isa:avx2/name:block/net:8-1/threads:2/manual_time", 5, ns_per_sample=4)])
        self.assertEqual(self.cells(text, "8-1", "avx2", "1"), ["5.0", "", "", ""])
        self.assertEqual(self.cells(text, "8-1", "avx2", ""), ["", "", "", "", ""])
        self.assertIn("No other library was measured.", text)
        self.assertNotIn("FANN", text)

    def test_peers(self):
        text = self.report(peers=[
            row("sigmoid_grad/f32/by:densimd/isa:avx2/batch:1/out:1", 2),
            row("gemm_tn/f32/by:densimd/isa:avx2/batch:32/in:8/out:16", 50),
            row("dense_forward/f32/by:eigen/batch:1/in:8/out:16", 70)])
        self.assertIn("one element takes 2.00 ns, inlined it was not measured\n", text)
        self.assertIn("No kernel was measured with densimd and another library at the same shape.", text)
        self.assertEqual(self.cells(text, "32", "8", "16")[0], "50.0")
        text = self.report(peers=[
            row("gemm_tn/f32/by:densimd/isa:avx2/batch:32/in:8/out:16", 50),
            row("dense_update/f32/by:eigen/batch:32/in:8/out:16", 70)])
        self.assertEqual(self.cells(text, "32", "8", "16"), ["70.0", "eigen", "", ""])

    def test_largest_error_of_all_shapes(self):
        def sigmoid(who, out, ulp):
            return row(f"sigmoid/f32/by:{who}/batch:1/out:{out}", 5, ulp=ulp)

        text = self.report(peers=[sigmoid("densimd/isa:avx2", 1024, 3), sigmoid("densimd/isa:avx2", 65536, 2),
                                  sigmoid("libm", 1024, 0)])
        self.assertIn("Largest error in ULP: densimd avx2 3, libm 0.\n", text)

    def test_failures(self):
        name = "gemv/f32/isa:avx2/batch:1/in:8/out:{}".format
        text = self.report(kernels=[
            gemv(time=100), row(name(1), 0, error_occurred=True, error_message="no memory"),
            row(name(2), 0, skipped=True, skip_message="no memory"), row(name(3), 5, repetitions=2),
            row(name(3), 6, repetitions=2), aggregate(name(4), "mean", 7), row(name(5), 0)])
        self.assertEqual(text.count("| gemv |"), 1)
        self.assertIn(f"kernels.json lacks {name(1)}, {name(2)}: no memory.\n", text)
        self.assertIn(f"kernels.json lacks {name(3)}, {name(4)}: no median of its repetitions.\n", text)
        self.assertIn(f"kernels.json lacks {name(5)}: no time.\n", text)

    def test_counters_that_are_no_numbers(self):
        """Google Benchmark's NaN, which JSON does not have."""
        text = json.dumps({"benchmarks": [gemv(time=100, flops=float("nan"), percent_of_roof=-float("inf"))]})
        self.assertIn("NaN", text)
        self.assertEqual(self.cells(self.report(kernels=text), "gemv")[4:], ["100.0", "", "", "", ""])


class Files(Report):
    def test_context(self):
        context = {"date": "a day", "num_cpus": 2, "mhz_per_cpu": 2100,
                   "caches": [{"type": "Data", "level": 1, "size": 32768, "num_sharing": 1}]}
        self.assertIn("\na day, 2 CPUs at 2100 MHz, L1 Data 32 KiB.\n",
                      self.report(kernels=[gemv(time=1)], context=context))

    def test_two_machines(self):
        def of(host, rows):
            return json.dumps({"context": {"host_name": host}, "benchmarks": rows})

        latency = row("latency/f32/isa:avx2/net:8-1/call:clock", 1, p50_ns=25, p99_9_ns=31)
        for host, warns in (("one", False), ("two", True)):
            text = self.report(kernels=of("one", [gemv(time=1)]), training=of(host, [latency]))
            self.assertEqual("training.json comes from another machine than kernels.json." in text, warns)

    def test_other_files(self):
        for text in ("{", "[]", "{}", '{"benchmarks": 3}', '{"benchmarks": [3]}', "model name: x", "\x00\xff"):
            self.check_error("training.json: is not what Google Benchmark writes", kernels=[gemv(time=1)],
                             training=text)
        self.check_error("kernels.json", "real_time", kernels=[{"name": "gemv", "time_unit": "ns"}])
        self.check_error("train/net:8-1/threads:1 has no counter ns_per_sample",
                         training=[row("train/net:8-1/threads:1", 1)])
        self.check_error("threads/net:8-1 names no batch", training=[row("threads/net:8-1", 1, times_faster=1)])

    def test_no_file(self):
        for path in ("nowhere.json", "/"):
            done = subprocess.run([REPORT, path, path, path], capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertEqual(done.stderr, f"densimd_bench_report: {path}: cannot be read\n")


if __name__ == "__main__":
    unittest.main()
