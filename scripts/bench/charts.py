# SPDX-License-Identifier: GPL-2.0
"""charts.py RESULTS FOLDER: draws the figures of a run."""

import sys

import matplotlib

matplotlib.use("svg")
# pylint: disable=wrong-import-position
import matplotlib.pyplot as plt

from figures import Figures

# The same figures give the same file.
plt.rcParams.update({"svg.hashsalt": "repoll", "svg.fonttype": "none", "font.size": 9})

STYLES = {
    "epoll": {"color": "tab:gray", "marker": "o"},
    "repoll": {"color": "tab:orange", "marker": "s"},
    "poll": {"color": "tab:blue", "marker": "^"},
    "select": {"color": "tab:green", "marker": "v"},
    "io_uring": {"color": "tab:purple", "marker": "d"},
}
NAMES = {"epoll": "in-tree epoll"}


def curves(figures, bench):
    """The points of each backend, by parameter."""
    points = {}
    for key, entry in figures.items():
        if key.bench == bench and key.backend in STYLES:
            points.setdefault(key.backend, []).append((key.param, entry["value"]))
    return {backend: sorted(points[backend]) for backend in STYLES if backend in points}


def draw_curves(axes, figures, bench, **style):
    for backend, points in curves(figures, bench).items():
        axes.plot(
            *zip(*points), label=NAMES.get(backend, backend), markersize=4,
            **STYLES[backend], **style,
        )
    axes.set_xscale("log")
    axes.grid(alpha=0.3)


def ratios(figures):
    """Each counted operation: its name, and repoll's figure to in-tree's."""
    figures = figures.of("counted")
    for key, entry in figures.items():
        other = figures.get(key._replace(backend="epoll"))
        if key.backend == "repoll" and other and other["value"]:
            yield f"{key.bench} {key.param:,}", entry["value"] / other["value"]


def operations(figures):
    names, values = zip(*ratios(figures))
    figure, axes = plt.subplots(figsize=(7, 0.19 * len(names) + 0.8))
    axes.barh(names, values, color=["tab:orange" if v <= 1 else "tab:red" for v in values])
    axes.axvline(1, color="black", linewidth=1)
    axes.invert_yaxis()
    axes.margins(y=0.01)
    axes.set_xlabel("repoll / in-tree epoll, instructions or bytes; less is better")
    return figure


def interest_set(figures):
    figure, panels = plt.subplots(1, 3, figsize=(9, 3), sharey=True)
    for axes, bench in zip(panels, ("add", "mod", "del")):
        draw_curves(axes, figures.of("counted"), bench)
        axes.set_title(bench.upper())
        axes.set_xlabel("registrations")
        axes.set_ylim(bottom=0)
    panels[0].set_ylabel("instructions")
    panels[0].legend()
    return figure


def waits(figures):
    figure, panels = plt.subplots(1, 3, figsize=(9, 3), sharey=True)
    for axes, bench in zip(panels, ("wait_level", "wait_edge", "wait_oneshot")):
        draw_curves(axes, figures.of("counted"), bench)
        axes.set_xscale("symlog")
        axes.set_yscale("log")
        axes.set_title(bench.removeprefix("wait_").replace("oneshot", "one-shot"))
        axes.set_xlabel("ready, of 1,000")
    panels[0].set_ylabel("instructions of a wait")
    panels[0].legend()
    panels[1].legend()
    return figure


def timed(figures):
    figure, panels = plt.subplots(1, 3, figsize=(9, 3))
    titles = {
        "producers": "producers to one instance",
        "one_of_n": "one of N ready",
        "udp_echo": "UDP echo",
    }
    for axes, (bench, title) in zip(panels, titles.items()):
        draw_curves(axes, figures.of("timed"), bench)
        axes.axhline(1, color="tab:gray")
        axes.set_title(title)
        axes.set_xlabel("threads" if bench == "producers" else "files")
    panels[0].set_ylim(bottom=0)
    panels[1].set_yscale("log")
    panels[0].set_ylabel("times as fast as in-tree epoll")
    if panels[1].lines[1:]:
        panels[1].legend()
    return figure


CHARTS = (operations, interest_set, waits, timed)


def main():
    results, folder = sys.argv[1:]
    figures = Figures.read(results)
    for chart in CHARTS:
        try:
            figure = chart(figures)
        except ValueError:
            continue  # nothing of this was measured
        figure.savefig(
            f"{folder}/{chart.__name__}.svg", bbox_inches="tight", metadata={"Date": None}
        )
        plt.close(figure)


if __name__ == "__main__":
    main()
