"""docs/benchmarks.md, from the results and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from .measure import median
from .notices import IDEAL
from .peers import ALL, SCENARIOS, SCRIPT
from .postgresql import MOST
from .results import Figure, Results
from .targets import Verdict, megabytes, rate, seconds, size, speed, verdicts

HEADINGS = {
    "cold": "cold",
    "noop": "nothing to do",
    "twelfth": "12th month",
    "parameter": "parameter",
}
#: Subjects that are told figure by figure.
DETAILED = (
    *("tasks", "digests", "recheck", "start", "memory", "runners"),
    *(
        "ingest",
        "http",
        "postgresql",
        "stream",
        "size",
        "closures",
        "laws",
        "s3",
        "watch",
        "registry",
    ),
    "load",
    "gc",
)
INTRODUCTION = """\
# Benchmarks

What begat costs, measured side by side with what else does the work. `make bench` measures
all of it in one run and writes this page from
[benchmarks.json](benchmarks.json), where every single figure stands; `make bench ONLY=noop` (or
several: `ONLY="noop digests"`) measures one subject again and leaves the others as they are.
Figures are user and system CPU seconds of all processes and of Prefect's server, medians of
{rounds} rounds. They are of one machine: look at the ratios."""
WORK = """\
Five stages over real flights, the same functions for all (`tests/benchmarks/peers/work.py`):
prepare and featurize for each month, train a HistGradientBoostingClassifier of 50 iterations on
all months but the last, evaluate on that one, register. A run is refused if a peer comes to other
metrics than the rest. Eleven months cold; the same again; the twelfth month arrives; 60
iterations instead of 50. In brackets the stages that did work."""
FAIRNESS = """\
- Each peer has an environment of its own (`tests/benchmarks/peers/*/requirements.txt`, every
  distribution pinned), with the same versions of Python, pandas, pyarrow and scikit-learn.
  `OMP_NUM_THREADS=1` for all, and every peer's telemetry is off.
- Each round starts every peer in a new folder, a git repository with the pipeline's code
  committed. In a scenario the peers run one after the other, in every other round backwards.
- A command counts until its last process has ended, daemons included, and a Prefect server until
  it rests. Making the peers' databases and starting servers is not counted; making begat's
  database is.
- Only begat writes pictures and the importance of features when it evaluates, and keeps what it
  read and wrote under checksums; its figures include that.
- DVC starts a process for each stage, which is how its pipelines are written; scikit-learn is
  imported only in the stages that use it. The bare Prefect flow logs warnings only. MLflow is told
  its requirements, so that it need not find them out; it records runs and leaves nothing out.
  MLflow, ZenML and memory have {few} rounds.
- Prefect's cache is keyed by the bytes of the files that a task reads (its default keys would not
  see that a file changed), and holds the paths of what was written.
- Task runners: seconds of the clock from the begin of prepare to that of train, on Dask workers of
  one thread that have imported everything; eight partitions of 81,000 rows.
- Digests: a file of 2 GB that lies in memory, one thread. *Mapped* is `update_mmap`, *in blocks*
  `update` of what is read.
- Memory: the largest process. featurize keeps a hundred rows of each partition, so that train and
  evaluate hold little, and the peak is that of prepare and featurize.
- The lineage graph: made-up training histories (`tests/benchmarks/histories.py`), whose events
  name versions, as begat's do, or only datasets and partitions. `Store.record` takes 500 at a
  time. Beside it, the rows that this left, raw events included, are written by `executemany` to
  the same tables and indexes under the same pragmas, in as many transactions. Stores of 1 M edges
  are filled once. Closures are asked of a chain of models that is the same in each store;
  rustworkx has the same edges in memory, and loading them is not counted. *Ancestry* and *impact*
  are bare nodes, `upstream`, `downstream` and `impact` whole answers. On PostgreSQL the server's
  CPU counts, in {most} round; over HTTP, the server's and nothing else.
- Artifacts in S3: SeaweedFS on the same machine, whose CPU counts; new bytes each time, one after
  the other in one thread. begat names them by digest and verifies them when it reads them; boto3
  alone does neither. Large ones are files, and go there in parts.
- Garbage: small artifacts on a local disk, every tenth of them pinned, and nothing else in the
  store. Beside it, a script that has the names of those that stay and unlinks the others."""


def page(results: Results) -> str:
    """The page, as Markdown."""
    found = list(verdicts(results.figures))
    parts = [
        INTRODUCTION.format(rounds=_rounds(results)),
        "## Targets",
        _table(
            ("what", "begat", "beside it", "figure", "target", "met", "measured by"),
            (_row(verdict) for verdict in found),
        ),
        "\n".join(_shortfalls(found)),
        "## The same work",
        WORK,
        _pipelines(results),
        "Typed were:",
        "\n".join(_typed(results)),
        *_details(results),
        *_notices(results),
        "## How it is measured",
        FAIRNESS.format(few=min(peer.rounds for peer in ALL), most=MOST),
        "## Measured on",
        _circumstances(results),
        _versions(results),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _row(verdict: Verdict) -> tuple[str, ...]:
    met = "yes" if verdict.met else "**no**"
    return (
        verdict.what,
        verdict.begat,
        verdict.beside,
        verdict.shown,
        verdict.target,
        met,
        f"`{verdict.again}`",
    )


def _shortfalls(found: Sequence[Verdict]) -> Iterator[str]:
    missed = [verdict for verdict in found if not verdict.met]
    if not missed:
        yield "All targets are met." if found else "No target was measured."
        return
    yield f"Not met: {len(missed)} of {len(found)}."
    yield ""
    for verdict in missed:
        yield (
            f"- {verdict.what}: {verdict.shown}, where {verdict.target} was the target "
            f"({verdict.begat} beside {verdict.beside})."
        )


def _pipelines(results: Results) -> str:
    base = results.figures.get("cold", {}).get(SCRIPT.name)
    rows = []
    for peer in ALL:
        found = {each: results.figures.get(each, {}).get(peer.name) for each in SCENARIOS}
        if any(found.values()):
            cells = [_cell(found[each], base, "" if peer.reuses else "as cold") for each in found]
            rows.append((peer.name, *cells, _peak(found["cold"])))
    if not rows:
        return ""
    said = _table(("CPU", *HEADINGS.values(), "peak memory, cold"), rows)
    multiples = "Behind each is what multiple of the bare script's cold run it is."
    return f"{said}\n\n{multiples}{_expectations(results)}"


def _expectations(results: Results) -> str:
    cold = results.figures.get("cold", {})
    if not {"begat", "begat with expectations"} <= set(cold):
        return ""
    more = median(cold["begat with expectations"].cpu) - median(cold["begat"].cpu)
    return (
        f" Three expectations on each month (Great Expectations, imported and run) cost "
        f"{more:.1f} s: {more / median(cold['begat'].cpu):.0%} of begat's cold run."
    )


def _cell(figure: Figure | None, base: Figure | None, otherwise: str) -> str:
    if figure is None:
        return otherwise
    multiple = f", {median(figure.cpu) / median(base.cpu):.2f} x" if base else ""
    ran = sorted(set(figure.extra.get("stages", ())))
    return f"{seconds(figure)}{multiple} ({'/'.join(map(str, ran))})"


def _peak(figure: Figure | None) -> str:
    return megabytes(figure) if figure and figure.peak else ""


def _typed(results: Results) -> Iterator[str]:
    for peer in ALL:
        commands = dict.fromkeys(
            results.figures[scenario][peer.name].command
            for scenario in SCENARIOS
            if peer.name in results.figures.get(scenario, {})
        )
        if commands:
            yield f"- {peer.name}: {', '.join(f'`{command}`' for command in commands)}"


def _details(results: Results) -> Iterator[str]:
    """Every figure of the other subjects."""
    rows = []
    for subject in DETAILED:
        for name, figure in results.figures.get(subject, {}).items():
            rows.append((f"`{subject}`", name, _figure(figure), _spread(figure), _code(figure)))
    if rows:
        yield "## Single costs"
        yield _table(("subject", "what", "CPU", "least to most", "typed"), rows)


def _figure(figure: Figure) -> str:
    said = [seconds(figure)] if figure.cpu else []
    if "bytes" in figure.extra:
        said.append(speed(figure))
    if "events" in figure.extra:
        said.append(rate(figure))
    if "size" in figure.extra:
        said.append(size(figure))
    if "passed" in figure.extra:
        said.append(figure.extra["passed"])
    if "nodes" in figure.extra:
        said.append(f"{figure.extra['nodes']:,} nodes")
    if figure.extra.get("imports") is not None:
        said.append(f"imports {', '.join(figure.extra['imports']) or 'none of the heavy ones'}")
    if any(figure.peak):
        said.append(f"{'peak' if figure.cpu else 'resident'} {megabytes(figure)}")
    return ", ".join(said)


def _spread(figure: Figure) -> str:
    if not figure.cpu:
        return ""
    least, most = (Figure(command="", cpu=[each]) for each in (min(figure.cpu), max(figure.cpu)))
    return f"{seconds(least)} to {seconds(most)}"


def _code(figure: Figure) -> str:
    # A pipe would end the cell, also inside of code.
    return "`" + figure.command.replace("|", "\\|") + "`"


def _notices(results: Results) -> Iterator[str]:
    seen = results.figures.get("notices")
    if not seen:
        return
    yield "## What each notices"
    yield (
        "Nine stages over three months; after each change one run. The figure is how many stages "
        "did work again."
    )
    names = list(seen)
    yield _table(
        ("change", "best", *names),
        (
            (change, best, *(str(seen[name].extra.get(change, "")) for name in names))
            for change, best in IDEAL.items()
        ),
    )


def _circumstances(results: Results) -> str:
    rows = [
        (
            f"`{subject}`",
            told["when"],
            f"{told['processor']}, {told['cores']} cores, {told['memory_gib']} GiB",
            told["system"],
            told["python"],
            str(told["load"]),
            str(told["rounds"]),
        )
        for subject, told in results.circumstances.items()
    ]
    headings = ("subject", "when", "machine", "system", "Python", "load before", "rounds")
    return _table(headings, rows)


def _versions(results: Results) -> str:
    found: dict[str, str] = {}
    for told in results.circumstances.values():
        found |= told["versions"]
    return "Versions: " + ", ".join(f"{name} {found[name]}" for name in sorted(found)) + "."


def _rounds(results: Results) -> str:
    timed = (name for name, found in results.figures.items() if any(f.cpu for f in found.values()))
    counts = sorted({results.circumstances[name]["rounds"] for name in timed})
    return " or ".join(map(str, counts))


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
