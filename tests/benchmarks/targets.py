"""What begat set out to cost, and whether it does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from . import arrival, collection, load, postgresql, registry, s3
from .graph_stores import LARGE, GraphStore
from .lineage_cost import TASKS
from .lineage_graph import (
    BESIDE_MEMORY,
    EARLY,
    INGESTED,
    LATE,
    QUESTIONS,
    RECORD,
    RUSTWORKX,
    SENT,
    SERVE,
    SQLITE,
    STREAMED,
)
from .measure import median, ratio
from .postgresql import PSYCOPG, STORES
from .results import Figure, Figures
from .task_runners import PROCESSES
from .watch import BARE, WATCH

#: What memory may grow by between N and 4 N partitions and still count as not growing: the same
#: run twice differs by as much.
STEADY = 1.15
#: What a watcher takes at least in a CPU second.
NOTIFICATIONS_A_SECOND = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """One target, held against what was measured."""

    what: str
    begat: str
    beside: str
    #: What the target is about, as a number, and as the table shows it.
    value: float
    shown: str
    target: str
    met: bool
    #: How to measure it again.
    again: str


def verdicts(figures: Figures) -> Iterator[Verdict]:
    """The targets of all subjects that were measured."""
    for subject, judge in _JUDGES:
        if subject in figures:
            yield judge(figures[subject])


def _at_most(
    what: str, ours: str, theirs: str, limit: float, subject: str
) -> tuple[str, Callable[[dict[str, Figure]], Verdict]]:
    def judge(found: dict[str, Figure]) -> Verdict:
        value = ratio(found[ours].cpu, found[theirs].cpu)
        return Verdict(
            what=what,
            begat=seconds(found[ours]),
            beside=f"{theirs} {seconds(found[theirs])}",
            value=value,
            shown=f"{value:.2f}",
            target=f"≤ {limit:g}",
            met=value <= limit,
            again=f"make bench ONLY={subject}",
        )

    return subject, judge


def _lineage(found: dict[str, Figure]) -> Verdict:
    bare, ours = found["bare Prefect task"].cpu, found["begat task in a Prefect flow"].cpu
    # Block by block: the two of a round ran one after the other.
    each = median([1000 * (mine - theirs) / TASKS for mine, theirs in zip(ours, bare, strict=True)])
    return Verdict(
        what=f"lineage of a trivial task ({TASKS} of them)",
        begat=f"{1000 * median(ours) / TASKS:.2f} ms",
        beside=f"bare Prefect task {1000 * median(bare) / TASKS:.2f} ms",
        value=each,
        shown=f"+{each:.2f} ms",
        target="≤ 1 ms",
        met=each <= 1.0,
        again="make bench ONLY=tasks",
    )


def _digests(found: dict[str, Figure]) -> Verdict:
    ours, theirs = found["begat"], found["blake3 package, mapped"]
    value = ratio(theirs.cpu, ours.cpu)
    return Verdict(
        what="speed of digests, 2 GB in memory, one thread",
        begat=speed(ours),
        beside=f"blake3 package {speed(theirs)}",
        value=value,
        shown=f"{value:.2f}",
        target="≥ 0.9",
        met=value >= 0.9,
        again="make bench ONLY=digests",
    )


def _imports(command: str, forbidden: tuple[str, ...]) -> Callable[[dict[str, Figure]], Verdict]:
    def judge(found: dict[str, Figure]) -> Verdict:
        names = sorted(set(found[command].extra["imports"]) & set(forbidden))
        said = ", ".join(names) or "none of them"
        return Verdict(
            what=f"`{command.removesuffix(' flights@1')}` imports",
            begat=said,
            beside=", ".join(forbidden),
            value=len(names),
            shown=str(len(names)),
            target="0",
            met=not names,
            again="make bench ONLY=start",
        )

    return judge


def _memory(found: dict[str, Figure]) -> Verdict:
    (few, least), (many, most) = sorted(found.items(), key=lambda item: int(item[0].split()[0]))
    value = ratio(most.peak, least.peak)
    return Verdict(
        what="peak memory of prepare and featurize, four times the partitions",
        begat=f"{many} {megabytes(most)}",
        beside=f"{few} {megabytes(least)}",
        value=value,
        shown=f"{value:.2f}",
        target=f"does not grow (≤ {STEADY:g})",
        met=value <= STEADY,
        again="make bench ONLY=memory",
    )


def _events(
    subject: str, who: str, store: GraphStore, least: float, bare: str = SQLITE
) -> tuple[str, Callable[[dict[str, Figure]], Verdict]]:
    def judge(found: dict[str, Figure]) -> Verdict:
        ours, floor = (found[f"{each}, {store.name}"] for each in (who, bare))
        value = ratio(floor.cpu, ours.cpu)
        return Verdict(
            what=f"events into `{who}`, {store.name}",
            begat=rate(ours),
            beside=f"{bare} {rate(floor)}",
            value=value,
            shown=f"{value:.2f}",
            target=f"≥ {least:g}",
            met=value >= least,
            again=f"make bench ONLY={subject}",
        )

    return subject, judge


def _stream(who: str, store: GraphStore) -> Callable[[dict[str, Figure]], Verdict]:
    def judge(found: dict[str, Figure]) -> Verdict:
        early, late = (found[f"{who}, {store.name}: {when}"] for when in (EARLY, LATE))
        value = ratio(late.peak, early.peak)
        return Verdict(
            what=f"memory while events stream into `{who}`, {store.name}",
            begat=f"at {LATE} {megabytes(late)}",
            beside=f"at {EARLY} {megabytes(early)}",
            value=value,
            shown=f"{value:.2f}",
            target="flat (≤ 1.2)",
            met=value <= 1.2,
            again="make bench ONLY=stream",
        )

    return judge


def _size(store: GraphStore) -> Callable[[dict[str, Figure]], Verdict]:
    def judge(found: dict[str, Figure]) -> Verdict:
        value = found[store.name].extra["size"] / found[store.name].extra["edges"]
        return Verdict(
            what=f"database without the raw events, {store.name}",
            begat=size(found[store.name]),
            beside="—",
            value=value,
            shown=f"{value:.0f} bytes an edge",
            target="≤ 200",
            met=value <= 200,
            again="make bench ONLY=size",
        )

    return judge


def _grows(question: str) -> tuple[str, Callable[[dict[str, Figure]], Verdict]]:
    ours, theirs = (f"{question}, {edges} edges" for edges in ("1 M", "10 k"))
    return _at_most(ours, ours, theirs, 3, "closures")


def _in_memory(question: str) -> tuple[str, Callable[[dict[str, Figure]], Verdict]]:
    ours = f"{question}, 1 M edges"
    return _at_most(f"{ours}, beside memory", ours, f"{question}, {RUSTWORKX}", 15, "closures")


def _watch(found: dict[str, Figure]) -> Verdict:
    ours, floor = found[WATCH], found[BARE]
    value = ours.extra["events"] / median(ours.cpu)
    return Verdict(
        what="notifications into `begat watch`, a CPU second",
        begat=rate(ours),
        beside=f"{BARE} {rate(floor)}",
        value=value,
        shown=f"{value:,.0f}",
        target=f"≥ {NOTIFICATIONS_A_SECOND}",
        met=value >= NOTIFICATIONS_A_SECOND,
        again="make bench ONLY=watch",
    )


def _act(act: str) -> tuple[str, Callable[[dict[str, Figure]], Verdict]]:
    """Registrations are counted a CPU second, and moves weighed."""

    def judge(found: dict[str, Figure]) -> Verdict:
        ours, theirs = (found[f"{name}: {act}"] for name in (registry.OURS, registry.THEIRS))
        value = median(ours.cpu) / median(theirs.cpu)
        count = registry.ACTS[act]
        register = act == "register"
        return Verdict(
            what="versions registered, a CPU second" if register else f"{act}, beside an alias",
            begat=f"{1000 * median(ours.cpu) / count:.2f} ms",
            beside=f"{registry.THEIRS} {1000 * median(theirs.cpu) / count:.2f} ms",
            value=1 / value if register else value,
            shown=f"{1 / value:.1f} x" if register else f"{value:.2f} x",
            target="≥ 10 x" if register else "≤ 0.2 x",
            met=value <= (0.1 if register else 0.2),
            again="make bench ONLY=registry",
        )

    return "registry", judge


def _arrival(found: dict[str, Figure]) -> Verdict:
    ours, whole = found[arrival.OURS], found[arrival.WHOLE]
    value = median(ours.wall) / median(whole.wall)
    return Verdict(
        what="an arrival, until Prefect is told of it",
        begat=f"{median(ours.wall):.2f} s",
        beside=f"{arrival.WHOLE} {median(whole.wall):.1f} s",
        value=value,
        shown=f"{value:.2f}",
        target="≤ 0.2",
        met=value <= 0.2,
        again="make bench ONLY=arrival",
    )


def _artifacts(kind: s3.Kind, done: str) -> tuple[str, Callable[[dict[str, Figure]], Verdict]]:
    def judge(found: dict[str, Figure]) -> Verdict:
        ours, bare = (found[kind.what(who, done)] for who in (s3.STORE, s3.BOTO3))
        value = ratio(bare.cpu, ours.cpu)
        return Verdict(
            what=f"artifacts in S3, {kind.count} of {kind.told} {done}",
            begat=seconds(ours),
            beside=f"{s3.BOTO3} {seconds(bare)}",
            value=value,
            shown=f"{value:.2f}",
            target="≥ 0.8",
            met=value >= 0.8,
            again="make bench ONLY=s3",
        )

    return "s3", judge


def _runners(found: dict[str, Figure]) -> Verdict:
    one, two = (found[PROCESSES[count]] for count in (1, 2))
    value = ratio(one.wall, two.wall)
    return Verdict(
        what="prepare and featurize on two Dask processes",
        begat=f"{median(two.wall):.1f} s",
        beside=f"{PROCESSES[1]} {median(one.wall):.1f} s",
        value=value,
        shown=f"{value:.2f}",
        target="≥ 1.6",
        met=value >= 1.6,
        again="make bench ONLY=runners",
    )


GC, WALK = (collection.what(who, collection.MANY) for who in (collection.GC, collection.WALK))


def _flat(found: dict[str, Figure]) -> Verdict:
    few, many = found[collection.what(collection.GC, collection.FEW)], found[GC]
    value = ratio(many.peak, few.peak)
    return Verdict(
        what="peak memory of `begat gc` with ten times as many artifacts",
        begat=megabytes(many),
        beside=f"{collection.FEW:,} artifacts {megabytes(few)}",
        value=value,
        shown=f"{value:.2f}",
        target="≤ 1.2",
        met=value <= 1.2,
        again="make bench ONLY=gc",
    )


_COMMANDS = ("great_expectations", "pandas", "prefect", "sklearn")
_JUDGES: tuple[tuple[str, Callable[[dict[str, Figure]], Verdict]], ...] = (
    _at_most("cold run, eleven months", "begat", "bare Prefect flow", 1.2, "cold"),
    _at_most("nothing to do", "begat", "DVC", 0.2, "noop"),
    _at_most("the twelfth month arrives", "begat", "DVC", 0.8, "twelfth"),
    ("tasks", _lineage),
    ("digests", _digests),
    _at_most("20,000 unchanged files checked", "begat plan", "dvc status", 0.2, "recheck"),
    _at_most("start of `begat --help`", "begat --help", "python -c pass", 10, "start"),
    ("start", _imports("begat --help", (*_COMMANDS, "sqlalchemy"))),
    ("start", _imports("begat show flights@1", _COMMANDS)),
    ("memory", _memory),
    ("runners", _runners),
    *(_events("ingest", RECORD, store, 0.5) for store in INGESTED),
    *(_events("http", SERVE, store, 0.3) for store in SENT),
    *(_events("postgresql", postgresql.RECORD, store, 0.5, PSYCOPG) for store in STORES),
    *(("stream", _stream(who, store)) for who, store in STREAMED),
    *(("size", _size(store)) for store in LARGE),
    *(_grows(question) for question in QUESTIONS),
    *(_in_memory(question) for question in BESIDE_MEMORY),
    _at_most(
        "10,000 rows held against a signature, and predicted",
        load.name(load.BEGAT, 10_000),
        load.name(load.BARE, 10_000),
        1.15,
        "load",
    ),
    ("watch", _watch),
    ("arrival", _arrival),
    *(_act(act) for act in registry.ACTS),
    _at_most("garbage collected, 100,000 artifacts", GC, WALK, 4, "gc"),
    ("gc", _flat),
    *(_artifacts(kind, done) for kind in s3.KINDS for done in (s3.WRITTEN, s3.READ)),
)


def seconds(figure: Figure) -> str:
    """A figure's CPU as people read it."""
    value = median(figure.cpu)
    if value < 0.005:
        return f"{1000 * value:.2f} ms"
    return f"{1000 * value:.0f} ms" if value < 0.2 else f"{value:.2f} s"


def speed(figure: Figure) -> str:
    """How many bytes a CPU second goes through."""
    return f"{figure.extra['bytes'] / median(figure.cpu) / 1e9:.1f} GB/s"


def rate(figure: Figure) -> str:
    """How many events come in a CPU second."""
    return f"{figure.extra['events'] / median(figure.cpu):,.0f} events/s"


def size(figure: Figure) -> str:
    """What the edges of a database take."""
    return f"{figure.extra['size'] / 1e6:,.0f} MB for {figure.extra['edges']:,} edges"


def megabytes(figure: Figure) -> str:
    """A figure's peak memory."""
    return f"{median(figure.peak) / 2**20:.0f} MiB"
