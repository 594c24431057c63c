"""What a process costs, read from outside."""

import os
import pathlib
import time

TICKS = os.sysconf("SC_CLK_TCK")


class Meter:
    """CPU time of a process between `start` and `stop`, its share in the kernel, by thread name, and the whole machine's."""

    def __init__(self, pid: int):
        self.directory = pathlib.Path(f"/proc/{pid}")

    def start(self):
        self.started = self._read()

    def stop(self) -> "Meter":
        (time_0, (user_0, kernel_0), threads_0, busy_0) = self.started
        (time_1, (user_1, kernel_1), threads_1, busy_1) = self._read()
        self.seconds, self.kernel_seconds = time_1 - time_0, kernel_1 - kernel_0
        self.cpu_seconds = user_1 - user_0 + self.kernel_seconds
        self.threads = {name: threads_1[name] - threads_0.get(name, 0) for name in threads_1}
        self.machine_load = (busy_1 - busy_0) / self.seconds
        return self

    def _read(self):
        threads: dict[str, float] = {}
        for task in (self.directory / "task").iterdir():
            name, times = self._stat(task / "stat")
            threads[name] = threads.get(name, 0) + sum(times)
        fields = [int(field) for field in pathlib.Path("/proc/stat").read_text().split("\n")[0].split()[1:]]
        busy = (sum(fields[:8]) - fields[3] - fields[4]) / TICKS
        return time.monotonic(), self._stat(self.directory / "stat")[1], threads, busy

    @staticmethod
    def _stat(path: pathlib.Path) -> tuple[str, tuple[float, float]]:
        """Name, CPU time in the program and in the kernel."""
        try:
            text = path.read_text()
        except OSError:
            return "", (0, 0)
        fields = text.rpartition(") ")[2].split()
        return text[text.index("(") + 1 : text.rindex(")")], (int(fields[11]) / TICKS, int(fields[12]) / TICKS)


def spread(values: list[float]) -> dict[str, float]:
    """Median, 99th percentile and maximum; zeros without values."""
    ordered = sorted(values) or [0.0]
    at = lambda share: round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1)
    return {"p50": at(0.5), "p99": at(0.99), "max": at(1)}
