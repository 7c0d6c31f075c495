"""The peers: how each is set up, and what is typed to run it."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from .. import environments, lake, places

SCENARIOS = ("cold", "noop", "twelfth", "parameter")


#: What is data or state, not code.
IGNORED = """lake/ prepared/ features/ out/ registry/ stages.log __pycache__/ mlflow.db mlruns/
.begat/ .prefect/ .redun/ .site/ .global/ .zen/ .zenml/"""


#: Peers whose templates this process has made: those of an earlier one may have other code.
_made: set[str] = set()


def _nothing(folder: Path, max_iter: int) -> None:
    """Most peers take their parameters on the command line."""


def _dvc_parameters(folder: Path, max_iter: int) -> None:
    months = sorted(path.name.partition("=")[2] for path in folder.glob("lake/flights/month=*"))
    (folder / "params.yaml").write_text(json.dumps({"max_iter": max_iter, "months": months}))


@dataclass(frozen=True, kw_only=True, slots=True)
class Peer:
    """One way to do the work."""

    #: How tables call it.
    name: str
    #: Its folder here and its environment.
    kind: str
    #: What is typed; `{max_iter}` stands for the one parameter.
    command: str
    #: What it is typed with instead, if the parameter is not the usual one.
    changed: str = ""
    #: What is typed once in a new folder, and not measured: peers make their databases here.
    setup: tuple[str, ...] = ()
    #: What is written by hand before a run.
    arrange: Callable[[Path, int], None] = _nothing
    #: Variables of its own; `{folder}` stands for the folder it works in.
    variables: dict[str, str] = field(default_factory=dict)
    #: Whether it needs a Prefect server.
    server: bool = False
    #: Whether it leaves out what was done before; else every run costs what a cold one does.
    reuses: bool = True
    #: What it is measured in.
    scenarios: tuple[str, ...] = SCENARIOS
    #: How often at most.
    rounds: int = 5

    @property
    def key(self) -> str:
        """Its name as a file has it."""
        return self.name.lower().replace(" ", "-").replace(",", "")

    @property
    def folder(self) -> Path:
        """Where it works."""
        return places.WORK / self.key

    def environment(self, url: str = "") -> dict[str, str]:
        """The variables that its commands run with."""
        own = {key: value.format(folder=self.folder) for key, value in self.variables.items()}
        if url:
            own["PREFECT_API_URL"] = url
        return environments.variables(self.kind, **own)

    def typed(self, max_iter: int) -> str:
        """The command with this parameter."""
        default = max_iter == MAX_ITER
        return (self.command if default or not self.changed else self.changed).format(
            max_iter=max_iter
        )

    def fresh(self, months: tuple[str, ...]) -> None:
        """Its folder as if it had never run: code in git, a lake of these months, empty stores."""
        if self.key not in _made:
            self._make_template()
            _made.add(self.key)
        places.copy(places.TEMPLATES / self.key, self.folder)
        lake.lay(self.folder, months)

    def _make_template(self) -> None:
        # In the place where it will work: some write absolute paths into their configuration.
        folder = places.fresh(self.folder)
        here = places.HERE / "peers"
        for path in (here / "work.py", *(here / self.kind).glob("*")):
            if path.is_file() and path.name != "requirements.txt":
                shutil.copy(path, folder)
        (folder / ".gitignore").write_text("\n".join(IGNORED.split()) + "\n")
        self.arrange(folder, MAX_ITER)
        name = "-c user.name=bench -c user.email=bench@localhost"
        for command in (
            "git init --quiet",
            "git add .",
            f"git {name} commit --quiet --message pipeline",
            *self.setup,
        ):
            subprocess.run(
                command,
                shell=True,
                cwd=folder,
                env=self.environment(),
                check=True,
                capture_output=True,
            )
        places.TEMPLATES.mkdir(parents=True, exist_ok=True)
        places.copy(folder, places.TEMPLATES / self.key)


MAX_ITER, MORE_ITER = 50, 60

SCRIPT = Peer(
    name="bare script",
    kind="script",
    command="python script.py {max_iter}",
    reuses=False,
    scenarios=("cold",),
)
BEGAT = Peer(
    name="begat",
    kind="begat",
    command="begat run flights.py:pipeline --json",
    changed="begat run flights.py:pipeline --set train.max_iter={max_iter} --json",
    server=True,
)
BEGAT_PLAIN = Peer(
    name="begat, plain adapter",
    kind="begat",
    command="begat run flights.py:pipeline --plain --json",
    changed="begat run flights.py:pipeline --set train.max_iter={max_iter} --plain --json",
)
BEGAT_CHECKED = Peer(
    name="begat with expectations",
    kind="begat",
    command="begat run checked.py:pipeline --json",
    server=True,
    scenarios=("cold",),
)
PREFECT = Peer(
    name="bare Prefect flow",
    kind="prefect",
    command="python flow.py --max-iter {max_iter}",
    variables={"PREFECT_HOME": "{folder}/.prefect"},
    server=True,
    reuses=False,
    scenarios=("cold",),
)
PREFECT_CACHED = Peer(
    name="Prefect with its cache",
    kind="prefect",
    command="python flow.py --cache --max-iter {max_iter}",
    variables={"PREFECT_HOME": "{folder}/.prefect"},
    server=True,
)
DVC = Peer(
    name="DVC",
    kind="dvc",
    command="dvc repro",
    setup=(
        "dvc init --quiet",
        "dvc config core.analytics false",
        "dvc config core.check_update false",
    ),
    arrange=_dvc_parameters,
    variables={"DVC_SITE_CACHE_DIR": "{folder}/.site", "DVC_GLOBAL_CONFIG_DIR": "{folder}/.global"},
)
REDUN = Peer(
    name="redun",
    kind="redun",
    command="redun run workflow.py main --max-iter {max_iter}",
    setup=("redun init",),
)
MLFLOW = Peer(
    name="MLflow",
    kind="mlflow",
    command="python script.py {max_iter}",
    setup=(
        'python -c \'import mlflow; mlflow.set_tracking_uri("sqlite:///mlflow.db"); '
        'mlflow.set_experiment("flights")\'',
    ),
    reuses=False,
    scenarios=("cold",),
    rounds=3,
)
ZENML = Peer(
    name="ZenML",
    kind="zenml",
    command="python pipeline.py --max-iter {max_iter}",
    setup=("zenml init", "zenml stack list"),
    variables={"ZENML_CONFIG_PATH": "{folder}/.zenml"},
    rounds=3,
)
#: In the order of tables.
ALL = (
    BEGAT,
    BEGAT_PLAIN,
    BEGAT_CHECKED,
    SCRIPT,
    PREFECT,
    PREFECT_CACHED,
    DVC,
    REDUN,
    MLFLOW,
    ZENML,
)
