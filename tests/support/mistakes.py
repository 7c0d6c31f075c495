"""Everything that a user can get wrong about a pipeline, and what is said about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from support.small import MONTHS, Small

METRICS = (
    "roc_auc, average_precision, f1, precision, recall, brier, accuracy, balanced_accuracy, "
    "ece, log_loss, mcc, f1_macro, precision_macro, recall_macro, roc_auc_ovr"
)


@dataclass(frozen=True, kw_only=True)
class Bad:
    """Something wrong, and the line that says so; `HERE` stands for the project's folder."""

    says: str
    spoil: Callable[[Small], object] = lambda small: None
    arguments: tuple[str, ...] = ()
    #: What the command calls the pipeline.
    name: str = "HERE/small.py:pipeline"


def edit(old: str, new: str) -> Callable[[Small], object]:
    """Another pipeline."""
    return lambda small: small.edit(old, new)


def february(content: bytes) -> Callable[[Small], object]:
    """Another file of the second month."""
    return lambda small: small.month(MONTHS[1]).write_bytes(content)


FEBRUARY = "HERE/raw/month=2013-02/rows.csv"
#: What a look at the pipeline, the names of its files and their headers finds.
AT_ONCE = {
    "a pipeline without a name": Bad(
        name="HERE/small.py",
        says="'HERE/small.py' names no pipeline; give FILE.py:NAME or PACKAGE.MODULE:NAME",
    ),
    "no such file": Bad(
        name="HERE/large.py:pipeline",
        says="there is no file HERE/large.py; give the path of the pipeline's file",
    ),
    "no such module": Bad(
        name="large.pipelines:pipeline",
        says="there is no module 'large.pipelines' here or on the path; run from the project's "
        "folder, or give FILE.py:NAME",
    ),
    "no such name": Bad(
        name="HERE/small.py:pipelin",
        says="HERE/small.py has nothing called 'pipelin'; name one that it defines: pipeline",
    ),
    "another thing's name": Bad(
        name="HERE/small.py:clean",
        says="'clean' in HERE/small.py is a function, not a Pipeline; "
        "name one that it defines: pipeline",
    ),
    "a file without pipelines": Bad(
        spoil=lambda small: small.file.write_text("pipeline = None"),
        says="HERE/small.py has nothing called 'pipeline'; define a Pipeline there",
    ),
    "a syntax error": Bad(
        spoil=edit("return frame\n", "return frame(\n"),
        says="importing HERE/small.py fails at HERE/small.py:7: SyntaxError: '(' was never closed "
        "(small.py, line 7); mend it there",
    ),
    "an import error": Bad(
        spoil=edit("from begat", "import no_such_thing\nfrom begat"),
        says="importing HERE/small.py fails at HERE/small.py:3: ModuleNotFoundError: "
        "No module named 'no_such_thing'; mend it there",
    ),
    "an import error inside a module": Bad(
        spoil=lambda small: (small.folder / "broken.py").write_text("import no_such_thing"),
        name="broken:pipeline",
        says="importing broken fails at HERE/broken.py:1: ModuleNotFoundError: "
        "No module named 'no_such_thing'; mend it there",
    ),
    "an error inside a library": Bad(
        spoil=edit("from begat", "import json\n\njson.loads('{')\nfrom begat"),
        says="importing HERE/small.py fails at HERE/small.py:5: JSONDecodeError: Expecting "
        "property name enclosed in double quotes: line 1 column 2 (char 1); mend it there",
    ),
    "a file that exits": Bad(
        spoil=edit("from begat", "raise SystemExit(0)\nfrom begat"),
        says="importing HERE/small.py fails at HERE/small.py:3: SystemExit: 0; mend it there",
    ),
    "an argument missing": Bad(
        spoil=edit('    target="late",\n', ""),
        says="importing HERE/small.py fails at HERE/small.py:14: TypeError: Pipeline.__init__() "
        "missing 1 required keyword-only argument: 'target'; mend it there",
    ),
    "a name with @": Bad(
        spoil=edit('name="small"', 'name="small@1"'),
        says="a pipeline's name is letters, digits, '.', '_' and '-'; got 'small@1': rename it",
    ),
    "prepare takes nothing": Bad(
        spoil=edit("def clean(frame)", "def clean()"),
        says="prepare=clean takes no frame first; make it (frame) -> DataFrame",
    ),
    "prepare wants more": Bad(
        spoil=edit("def clean(frame)", "def clean(frame, weather)"),
        says="prepare=clean requires 'weather', which nothing fills; give it a default, or a "
        "lookup of that name",
    ),
    "prepare takes no lookup": Bad(
        spoil=edit("slices=", 'lookups={"weather": "weather.csv"}, slices='),
        says="prepare=clean has no parameter for lookup 'weather'; "
        "make it (frame, weather) -> DataFrame",
    ),
    "featurize is no function": Bad(
        spoil=edit("featurize=features", "featurize='features'"),
        says="featurize='features' is not a function; give one that takes a DataFrame",
    ),
    "a lookup that is not there": Bad(
        spoil=lambda small: (
            small.edit("def clean(frame)", "def clean(frame, weather)"),
            small.edit("slices=", 'lookups={"weather": "weather.csv"}, slices='),
        ),
        says="no file matches HERE/weather.csv (in HERE); mend the pattern or add the data",
    ),
    "a lookup that is no path": Bad(
        spoil=lambda small: (
            small.edit("def clean(frame)", "def clean(frame, weather)"),
            small.edit("slices=", 'lookups={"weather": None}, slices='),
        ),
        says="lookups of small are paths or queries by name, {'weather': 'weather.csv'}; "
        "got {'weather': None}",
    ),
    "a pattern that matches nothing": Bad(
        spoil=edit("/rows.csv", "/row.csv"),
        says="no file matches HERE/raw/month={month}/row.csv (in HERE/raw); "
        "mend the pattern or add the data",
    ),
    "a pattern that is not closed": Bad(
        spoil=edit("{month}", "{month"),
        says="source 'raw/month={month/rows.csv' has a single '{'; "
        "write a partition key as {month}",
    ),
    "a pattern with a key that is no name": Bad(
        spoil=edit("{month}", "{the month}"),
        says="source 'raw/month={the month}/rows.csv' has a key 'the month', which is no name; "
        "write one as {month}",
    ),
    "a source that is no path": Bad(
        spoil=edit('source="raw/month={month}/rows.csv"', "source=None"),
        says="source of small is a string, or a Query; got None",
    ),
    "a format that is no table": Bad(
        spoil=lambda small: (
            small.edit("/rows.csv", "/*.txt"),
            [small.month(month).with_suffix(".txt").write_text("late") for month in MONTHS],
        ),
        says="HERE/raw/month=2013-01/rows.txt is no table but bytes; "
        "a table is a .csv, .jsonl or .parquet file",
    ),
    "an unknown key of --partitions": Bad(
        arguments=("--partitions", "year<=2013"),
        says="--partitions names the key 'year'; this source is partitioned by month",
    ),
    "no comparison in --partitions": Bad(
        arguments=("--partitions", "month~2013"),
        says="--partitions takes comparisons such as 'month<=2013-11'; 'month~2013' is none",
    ),
    "--partitions that leave none": Bad(
        arguments=("--partitions", "month>2013-03"),
        says="no partition of file:HERE/raw fits 'month>2013-03'; there are month=2013-01, "
        "month=2013-02, month=2013-03: choose among them",
    ),
    "an unknown key of the holdout": Bad(
        spoil=edit("slices=", 'holdout={"year": "2013"}, slices='),
        says="the holdout {'year': '2013'} of small matches none of its partitions "
        "(month=2013-01, month=2013-02, month=2013-03); name one of them",
    ),
    "a holdout that leaves nothing to train on": Bad(
        arguments=("--partitions", "month=2013-01"),
        says="the holdout 'last' of small takes 1 of 1 partitions and leaves nothing to train on; "
        "add a partition, or hold out a fraction of the rows",
    ),
    "a holdout that is none": Bad(
        spoil=edit("slices=", "holdout=2, slices="),
        says="holdout of small is 'last', a fraction between 0 and 1, or partition keys such as "
        "{'month': '2013-12'}; got 2",
    ),
    "an empty file": Bad(
        spoil=february(b""), says=f"{FEBRUARY} is empty (0 bytes); write it again or remove it"
    ),
    "a file of one blank line": Bad(
        spoil=february(b"\n"), says=f"{FEBRUARY} is empty; write it again or remove it"
    ),
    "another delimiter": Bad(
        spoil=february(b"distance;carrier;late\n1;AA;0\n"),
        says=f"{FEBRUARY} is separated by a semicolon, not by commas; write it with commas",
    ),
    "another encoding": Bad(
        spoil=february("distance,carrier,late\n1,AA,0\n".encode("utf-16")),
        says=f"{FEBRUARY} is not UTF-8: byte 0xff at offset 0 (line 1); "
        "convert it, for instance with iconv -t UTF-8",
    ),
    "no text at all": Bad(
        spoil=february(b"PK\x03\x04\x00\x00"),
        says=f"{FEBRUARY} is not text: a zero byte at offset 4; give a CSV file",
    ),
    "Parquet that was cut short": Bad(
        spoil=lambda small: (
            small.edit("/rows.csv", "/rows.parquet"),
            [small.month(at).with_suffix(".parquet").write_bytes(b"PAR1\0\0") for at in MONTHS],
        ),
        says="HERE/raw/month=2013-01/rows.parquet cannot be read as Parquet (Parquet file size is "
        "6 bytes, smaller than the minimum file footer (8 bytes)); write it again",
    ),
    "a column less": Bad(
        spoil=february(b"distance,late\n1,0\n"),
        says=f"partition file:HERE/raw[month=2013-02] ({FEBRUARY}) lacks carrier, compared with "
        "month=2013-01; give all partitions the same columns",
    ),
    "a column more": Bad(
        spoil=february(b"distance,carrier,late,note\n1,AA,0,\n"),
        says=f"partition file:HERE/raw[month=2013-02] ({FEBRUARY}) also has note, compared with "
        "month=2013-01; give all partitions the same columns",
    ),
    "a column twice": Bad(
        spoil=february(b"distance,carrier,late,late\n1,AA,0,0\n"),
        says=f"{FEBRUARY} has the column 'late' twice; rename one of them",
    ),
    "a target that is no name": Bad(
        spoil=edit('target="late"', "target=2"), says="target of small is a string; got 2"
    ),
    "the target among the features": Bad(
        spoil=edit("slices=", 'features=["distance", "late"], slices='),
        says="features of small name the target 'late', which a model must not see; leave it out",
    ),
    "slices that are no list": Bad(
        spoil=edit('["carrier"]', '"carrier"'),
        says="slices of small is a list of column names; got 'carrier'",
    ),
    "--set without a value": Bad(
        arguments=("--set", "train.max_depth"),
        says="--set takes KEY=VALUE, such as train.max_iter=60; got 'train.max_depth'",
    ),
    "an unknown step in --set": Bad(
        arguments=("--set", "evaluate.slices=1"),
        says="there is no parameter 'evaluate.slices'; parameters are train.NAME (the "
        "estimator's), prepare.NAME and featurize.NAME (arguments with a default), and seed",
    ),
    "an unknown parameter of the estimator": Bad(
        arguments=("--set", "train.max_deph=3"),
        says="DecisionTreeClassifier has no parameter 'max_deph'; did you mean max_depth?",
    ),
    "an unknown parameter of a function": Bad(
        arguments=("--set", "featurize.limits=3"),
        says="featurize has no parameter 'limits' with a default; it has limit",
    ),
    "a value that the estimator does not take": Bad(
        arguments=("--set", "train.max_depth=deep"),
        says="The 'max_depth' parameter of DecisionTreeClassifier must be an int in the range "
        "[1, inf) or None. Got 'deep' instead.",
    ),
    "a value that a function does not take": Bad(
        arguments=("--set", "featurize.limit=far"),
        says="featurize.limit takes values of type int such as 1000; got 'far'",
    ),
    "a seed that is none": Bad(
        arguments=("--set", "seed=yes"),
        says="seed of small is a whole number from 0 to 4294967295; got 'yes'",
    ),
    "a metric that nobody knows": Bad(
        spoil=edit("slices=", 'metrics=["acuracy"], slices='),
        says=f"metric 'acuracy' is none of those for classification ({METRICS}); "
        "name one of them, 'module:name', or give a function",
    ),
    "a metric of regression": Bad(
        spoil=edit("slices=", 'metrics=[{"metric": "rmse"}], slices='),
        says=f"metric 'rmse' is none of those for classification ({METRICS}); "
        "name one of them, 'module:name', or give a function",
    ),
    "a metric that its module does not have": Bad(
        spoil=edit("slices=", 'metrics=["sklearn.metrics:acuracy"], slices='),
        says="metric 'sklearn.metrics:acuracy': 'sklearn.metrics' has no 'acuracy'; mend the name",
    ),
    "a metric that is no function": Bad(
        spoil=edit("slices=", "metrics=[1], slices="),
        says="metric 1 is not a function of (y_true, y_pred); give one, or a metric's name",
    ),
    "an estimator that is a class": Bad(
        spoil=edit("Classifier(max_depth=2)", "Classifier"),
        says="estimator DecisionTreeClassifier is a class; give an instance, "
        "DecisionTreeClassifier(…)",
    ),
    "an option that is none": Bad(
        arguments=("--quick",),
        says="No such option '--quick'; `begat COMMAND --help` shows what there is",
    ),
}
#: What only reading, or doing, finds; and which task it fails.
ON_THE_WAY = {
    "a header without rows": (
        "prepare",
        Bad(
            spoil=february(b"distance,carrier,late\n"),
            says=f"{FEBRUARY} has a header and no rows; write it again or remove it",
        ),
    ),
    "a file that was cut short": (
        "prepare",
        Bad(
            spoil=february(b"distance,carrier,late\n1,AA,0\n2,A"),
            says=f"{FEBRUARY} has 2 fields in line 3 and 3 in its header; "
            "it was cut short: write it again",
        ),
    ),
    "a quote that was cut short": (
        "prepare",
        Bad(
            spoil=february(b'distance,carrier,late\n1,AA,0\n2,"A'),
            says=f"{FEBRUARY}: a quote that opens in row 2 is never closed, or the file was cut "
            "short there; mend the file",
        ),
    ),
    "a line with another delimiter": (
        "prepare",
        Bad(
            spoil=february(b"distance,carrier,late\n1,AA,0\n2;AA;1\n"),
            says=f"{FEBRUARY} has 1 fields in line 3 and 3 in its header; mend that line",
        ),
    ),
    "a byte that is not UTF-8": (
        "prepare",
        Bad(
            spoil=february(b"distance,carrier,late\n1,\xc9A,0\n"),
            says=f"{FEBRUARY} is not UTF-8: byte 0xc9 at offset 24 (line 2); "
            "convert it, for instance with iconv -t UTF-8",
        ),
    ),
    "prepare raises": (
        "prepare",
        Bad(
            spoil=edit("return frame\n", 'return frame["weather"]\n'),
            says="prepare=clean failed on file:HERE/raw[month=2013-01] at small.py:7: "
            "KeyError: 'weather'; mend the function or the partition (and 2 more like it failed)",
        ),
    ),
    "prepare returns nothing": (
        "prepare",
        Bad(
            spoil=edit("return frame\n", "return None\n"),
            says="prepare=clean returned NoneType for file:HERE/raw[month=2013-01]; "
            "return a DataFrame (and 2 more like it failed)",
        ),
    ),
    "no target": (
        "features",
        Bad(
            spoil=edit('target="late"', 'target="delay"'),
            says="small/features[month=2013-01] has no target 'delay'; its columns are distance, "
            "carrier, late, far: name one of them, or add it in featurize",
        ),
    ),
    "no slice column": (
        "features",
        Bad(
            spoil=edit('["carrier"]', '["carier"]'),
            says="small/features[month=2013-01] has no slice column 'carier'; its columns are "
            "distance, carrier, late, far: name one of them, or add it in featurize",
        ),
    ),
    "no feature column": (
        "features",
        Bad(
            spoil=edit("slices=", 'features=["weather"], slices='),
            says="small/features[month=2013-01] has no feature column 'weather'; its columns are "
            "distance, carrier, late, far: name one of them, or add it in featurize",
        ),
    ),
    "a single class": (
        "train",
        Bad(
            spoil=edit("return frame\n", "return frame.assign(late=1)\n"),
            says="target 'late' holds a single class (1) in the 40 rows of small/features "
            "(2 partitions); a classifier needs two: train on more partitions, or mend the target",
        ),
    ),
    "a target with gaps": (
        "train",
        Bad(
            spoil=edit(
                "return frame\n",
                'return frame.assign(late=frame["late"].where(frame["distance"] > 500))\n',
            ),
            says="target 'late' is missing in 9 of 40 rows of small/features (2 partitions); "
            "drop them in prepare or featurize",
        ),
    ),
    "a fraction that holds out all rows": (
        "train",
        Bad(
            spoil=edit("slices=", "holdout=0.999999, slices="),
            says="nothing is left of small/features (3 partitions) to train on; "
            "hold out less, or train on more partitions",
        ),
    ),
    "a metric that fails": (
        "evaluate",
        Bad(
            spoil=lambda small: (
                small.edit(
                    "pipeline =", "def gain(y_true, y_pred):\n    return {}[0]\n\npipeline ="
                ),
                small.edit("slices=", "metrics=[gain], slices="),
            ),
            says="metric gain failed: KeyError: 0; mend it or leave it out",
        ),
    ),
}
